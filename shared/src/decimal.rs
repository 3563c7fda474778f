//! Numbers with a point, for people. The standard library prints every one of them exactly, for which it needs 18 kB; in
//! a module that is start-up time. Here it is those that people write.

/// Beyond it not every whole number is one of these.
const MOST: f64 = 9_007_199_254_740_992.0;

/// Digits behind the point: with more, the number is not told exactly.
const DIGITS: u32 = 15;

/// The number as it was written, where it has at most fifteen digits; else close to it.
pub(crate) fn text(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let size = value.abs();
    if size.is_nan() {
        return "NaN".into();
    }
    if size >= MOST {
        return format!("{sign}{} or more", MOST as u64);
    }
    let (mut digits, mut scale) = (0, 1_u64);
    loop {
        let product = size * scale as f64;
        let scaled = product as u64 + u64::from(product.fract() >= 0.5);
        // Both are whole and small, so that their quotient is the number that this text is read as.
        let exact = scaled as f64 / scale as f64 == size;
        if exact || digits == DIGITS || product * 10.0 >= MOST {
            let (whole, part, width) = (scaled / scale, scaled % scale, digits as usize);
            return if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:0width$}") };
        }
        digits += 1;
        scale *= 10;
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::text;

    #[test]
    fn numbers_are_told_as_people_write_them() {
        let written = [
            "0",
            "1",
            "-1",
            "1.5",
            "0.1",
            "0.3",
            "100.5",
            "-0.00005",
            "0.000099",
            "100.0001",
            "33.3333333333",
            "12345678.9",
            "9007199254740991",
            "0.0000000000001",
        ];
        for written in written {
            assert_eq!(text(written.parse().unwrap()), written);
        }
        for thousandths in 0..10_000 {
            let value = f64::from(thousandths) / 1000.0;
            assert_eq!(text(value), value.to_string());
        }
        assert_eq!(text(f64::NAN), "NaN");
        assert_eq!(text(f64::NEG_INFINITY), "-9007199254740992 or more");
        assert_eq!(text(1e20), "9007199254740992 or more");
        assert_eq!(text(1.0 / 3.0), "0.333333333333333");
        assert_eq!(text(1e-300), "0.000000000000000");
    }
}
