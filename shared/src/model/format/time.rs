//! Times as Envoy writes them: `strftime`, in UTC, with `%s` for seconds and `%3f` for thousandths of one.

use std::fmt::Write as _;

/// How a time is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeFormat(Box<[Piece]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    /// A letter of `strftime`.
    Field(char),
    /// So many digits of the second's fraction.
    Fraction(u32),
}

/// What stands for several letters.
const TOGETHER: &[(char, &str)] = &[
    ('c', "%a %b %e %H:%M:%S %Y"),
    ('D', "%m/%d/%y"),
    ('F', "%Y-%m-%d"),
    ('R', "%H:%M"),
    ('r', "%I:%M:%S %p"),
    ('T', "%H:%M:%S"),
    ('X', "%H:%M:%S"),
    ('x', "%m/%d/%y"),
];

/// What Envoy takes where nothing is written.
const DEFAULT: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl TimeFormat {
    /// Reads a format; nothing is Envoy's default. There is none where it has a letter that only Envoy knows.
    ///
    /// # Errors
    /// A line break, which Envoy refuses.
    #[expect(clippy::result_unit_err, reason = "there is one way to be wrong")]
    pub fn parse(text: &str) -> Result<Option<TimeFormat>, ()> {
        if breaks_line(text) {
            return Err(());
        }
        let mut pieces = Vec::new();
        let known = read(if text.is_empty() { DEFAULT } else { text }, &mut pieces).is_some();
        Ok(known.then(|| TimeFormat(pieces.into())))
    }

    /// Writes a time, in nanoseconds since 1970.
    pub fn write(&self, nanos: u64) -> String {
        let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let time = Time::new(seconds);
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Fraction(digits) => {
                    let width = *digits as usize;
                    _ = write!(out, "{:0width$}", fraction / 10_u64.pow(9_u32.saturating_sub(*digits)));
                }
                Piece::Field('s') => _ = write!(out, "{seconds}"),
                Piece::Field(letter) => time.field(*letter, &mut out),
            }
        }
        out
    }
}

/// Envoy's `%[-_0^#]*[1-9]*(E|O)?n`, wherever it is.
fn breaks_line(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('%') {
        rest = behind;
        let flags = |byte: &u8| matches!(byte, b'-' | b'_' | b'0' | b'^' | b'#');
        let digits = |byte: &u8| matches!(byte, b'1'..=b'9');
        let mut letters = behind.bytes().skip_while(flags).skip_while(digits);
        let letter = letters.next().filter(|letter| !matches!(letter, b'E' | b'O')).or_else(|| letters.next());
        if letter == Some(b'n') {
            return true;
        }
    }
    false
}

fn read(text: &str, pieces: &mut Vec<Piece>) -> Option<()> {
    let mut literal = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            literal.push(letter);
            continue;
        }
        // A percent sign at the end stands for itself.
        let letter = match letters.next() {
            None | Some('%') => {
                literal.push('%');
                continue;
            }
            Some('t') => {
                literal.push('\t');
                continue;
            }
            Some(letter) => letter,
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
        }
        match letter.to_digit(10).filter(|digits| *digits > 0) {
            Some(digits) => pieces.push((letters.next()? == 'f').then_some(Piece::Fraction(digits))?),
            None if letter == 'f' => pieces.push(Piece::Fraction(9)),
            None => match TOGETHER.iter().find(|(known, _)| *known == letter) {
                Some((_, several)) => read(several, pieces)?,
                None => pieces.push("aAbBCdeHhIjklMmPpSsTuwYyZz".contains(letter).then_some(Piece::Field(letter))?),
            },
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal.into()));
    }
    Some(())
}

/// A second, by the calendar.
struct Time {
    year: u64,
    /// From 0.
    month: u64,
    day: u64,
    /// From 0.
    day_of_year: u64,
    /// Sunday is 0.
    weekday: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Time {
    fn new(seconds: u64) -> Time {
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        // Years that begin in March have the leap day at their end; 719,468 days are from one such year's begin to 1970.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_march_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_march_year + 2) / 153;
        let day = day_of_march_year - (153 * march_month + 2) / 5;
        let (month, next) = if march_month < 10 { (march_month + 2, 0) } else { (march_month - 10, 1) };
        let year = era * 400 + year_of_era + next;
        let leap = u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)));
        let before = if month < 2 { month * 31 } else { (153 * (month - 2) + 2) / 5 + 59 + leap };
        Time {
            year,
            month,
            day: day + 1,
            day_of_year: before + day,
            weekday: (days + 4) % 7,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    fn field(&self, letter: char, out: &mut String) {
        let at = |names: &[&'static str], index: u64| {
            names.get(usize::try_from(index).unwrap_or(usize::MAX)).copied().unwrap_or_default()
        };
        let (day, month) = (at(&DAYS, self.weekday), at(&MONTHS, self.month));
        let hour12 = (self.hour + 11) % 12 + 1;
        let (am, pm) = if letter == 'P' { ("am", "pm") } else { ("AM", "PM") };
        let (number, width) = match letter {
            'a' => return out.push_str(day.get(..3).unwrap_or(day)),
            'A' => return out.push_str(day),
            'b' | 'h' => return out.push_str(month.get(..3).unwrap_or(month)),
            'B' => return out.push_str(month),
            'p' | 'P' => return out.push_str(if self.hour < 12 { am } else { pm }),
            'Z' => return out.push_str("UTC"),
            'z' => return out.push_str("+0000"),
            'e' | 'k' | 'l' => {
                let number = if letter == 'e' {
                    self.day
                } else if letter == 'k' {
                    self.hour
                } else {
                    hour12
                };
                _ = write!(out, "{number:2}");
                return;
            }
            'C' => (self.year / 100, 2),
            'd' => (self.day, 2),
            'H' => (self.hour, 2),
            'I' => (hour12, 2),
            'j' => (self.day_of_year + 1, 3),
            'M' => (self.minute, 2),
            'm' => (self.month + 1, 2),
            'S' => (self.second, 2),
            'u' => ((self.weekday + 6) % 7 + 1, 1),
            'w' => (self.weekday, 1),
            'Y' => (self.year, 1),
            'y' => (self.year % 100, 2),
            _ => return,
        };
        _ = write!(out, "{number:0width$}");
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::TimeFormat;

    fn write(format: &str, nanos: u64) -> String {
        TimeFormat::parse(format).unwrap().unwrap().write(nanos)
    }

    /// As an Envoy 1.40.0 wrote it.
    #[test]
    fn letters_are_those_of_strftime() {
        for (format, expected) in [
            ("", "2026-11-26T21:50:49.450Z"),
            ("%s", "1795729849"),
            ("%f %3f %1f %9f", "450979000 450 4 450979000"),
            ("%e|%d|%j", "26|26|330"),
            ("%H:%M:%S", "21:50:49"),
            ("%I %p %l %k %P", "09 PM  9 21 pm"),
            ("%a %A %b %B %h", "Thu Thursday Nov November Nov"),
            ("%y %C %u %w", "26 20 4 4"),
            ("%T %D %F %R", "21:50:49 11/26/26 2026-11-26 21:50"),
            ("%c", "Thu Nov 26 21:50:49 2026"),
            ("%x %X", "11/26/26 21:50:49"),
            ("%r", "09:50:49 PM"),
            ("%z %Z", "+0000 UTC"),
            ("%%|%t|", "%|\t|"),
            ("50%", "50%"),
            ("at %s.%3f", "at 1795729849.450"),
        ] {
            assert_eq!(write(format, 1_795_729_849_450_979_000), expected, "{format}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_written_and_a_line_break_is_refused() {
        for unknown in ["%U", "%G", "%-d", "%E4Y", "%3Y", "%Q", "%3"] {
            assert_eq!(TimeFormat::parse(unknown), Ok(None), "{unknown}");
        }
        for bad in ["%n", "a%n", "%En", "%-3On", "%%n", "%5n"] {
            assert_eq!(TimeFormat::parse(bad), Err(()), "{bad}");
        }
        assert!(TimeFormat::parse("%E5n").unwrap().is_none());
    }

    /// The days around every end of a month, of leap years and others, counted one by one.
    #[test]
    fn the_calendar_goes_on_day_by_day() {
        let (mut year, mut month, mut day, mut of_year) = (1970, 1, 1, 1);
        for days in 0..200_000_u64 {
            let expected = format!("{year}-{month:02}-{day:02} {of_year:03} {}", (days + 4) % 7);
            assert_eq!(write("%F %j %w", days * 86_400_000_000_000), expected);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + i32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (day, of_year) = (day + 1, of_year + 1);
            if day > last {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year, of_year) = (1, year + 1, 1);
            }
        }
    }
}
