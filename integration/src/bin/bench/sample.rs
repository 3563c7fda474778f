//! Figures from windows: medians, and how far they spread.

use integration::random::Random;

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

/// The 99th percentile of all latencies of some windows together, in ms. Of one window it is among the few worst answers,
/// which chance chooses.
pub fn pooled_p99<'w>(windows: impl IntoIterator<Item = &'w Vec<u64>>) -> f64 {
    let mut all: Vec<u64> = windows.into_iter().flatten().copied().collect();
    let place = all.len() * 99 / 100;
    if place >= all.len() {
        return f64::NAN;
    }
    *all.select_nth_unstable(place).1 as f64 / 1e6
}

/// How much later the 99th percentile of one side's windows is than that of another's, in ms, with the quartiles that it
/// has when the rounds are drawn anew.
pub fn added_p99(one: &[Vec<u64>], other: &[Vec<u64>]) -> Option<Spread> {
    const DRAWS: usize = 200;
    let rounds = u32::try_from(one.len().min(other.len())).ok().filter(|rounds| *rounds > 0)?;
    let mut random = Random::of(99, 0);
    let added = |of: &[usize]| {
        let [one, other] = [one, other].map(|side| pooled_p99(of.iter().filter_map(|round| side.get(*round))));
        one - other
    };
    let drawn = (0..DRAWS).map(|_| {
        let rounds: Vec<usize> = (0..rounds).map(|_| random.between(0, rounds) as usize).collect();
        added(&rounds)
    });
    let drawn = spread(drawn)?;
    let all: Vec<usize> = (0..rounds as usize).collect();
    Some(Spread { median: added(&all), ..drawn })
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
    pub fn new(latencies_ns: &mut [u64], cpu: std::time::Duration, wall: std::time::Duration) -> Sample {
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

    #[test]
    fn percentiles_are_of_all_windows_together() {
        let quick: Vec<Vec<u64>> = vec![(1..=100).map(|n| n * 1_000_000).collect(), vec![1_000_000; 100]];
        assert_eq!(pooled_p99(&quick), 99.0);
        assert!(pooled_p99([]).is_nan());
        let slow: Vec<Vec<u64>> = quick.iter().map(|window| window.iter().map(|ns| ns + 500_000).collect()).collect();
        let added = added_p99(&slow, &quick);
        assert_eq!(added, Some(Spread { median: 0.5, low: 0.5, high: 0.5 }));
        assert_eq!(added_p99(&[], &quick), None);
    }
}
