//! Figures from windows: medians, and how far they spread.

/// The middle of some figures, and the range of the half of them around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The first quartile.
    pub low: f64,
    /// The third quartile.
    pub high: f64,
}

/// Of some figures; nothing where there is none.
pub fn spread(figures: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut sorted: Vec<f64> = figures.into_iter().filter(|figure| figure.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (sorted.len().checked_sub(1)? as f64);
        let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
        Some(below + (above - below) * place.fract())
    };
    Some(Spread { median: at(0.5)?, low: at(0.25)?, high: at(0.75)? })
}

/// A window on one side.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How many requests were answered.
    pub requests: usize,
    /// Processor time of Envoy for each, in µs.
    pub cpu_us: f64,
    /// Requests a second.
    pub rate: f64,
    /// The median latency, in ms.
    pub p50_ms: f64,
    /// The 99th percentile, in ms.
    pub p99_ms: f64,
}

impl Sample {
    /// From what a window came to.
    pub fn new(mut latencies_ns: Vec<u64>, cpu: std::time::Duration, wall: std::time::Duration) -> Sample {
        latencies_ns.sort_unstable();
        let requests = latencies_ns.len();
        let at = |share: f64| {
            let place = ((requests as f64 * share) as usize).min(requests.saturating_sub(1));
            latencies_ns.get(place).map_or(f64::NAN, |ns| *ns as f64 / 1e6)
        };
        Sample {
            requests,
            cpu_us: cpu.as_secs_f64() * 1e6 / requests as f64,
            rate: requests as f64 / wall.as_secs_f64(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_quartiles() {
        assert_eq!(spread([]), None);
        assert_eq!(spread([3.0]), Some(Spread { median: 3.0, low: 3.0, high: 3.0 }));
        assert_eq!(spread([4.0, 1.0, 3.0, 2.0, 5.0]), Some(Spread { median: 3.0, low: 2.0, high: 4.0 }));
        assert_eq!(spread([1.0, 2.0, f64::NAN]), Some(Spread { median: 1.5, low: 1.25, high: 1.75 }));
    }
}
