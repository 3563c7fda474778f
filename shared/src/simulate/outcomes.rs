//! Every way that chance may take.

use super::{Answer, Chance, Draws, Incoming, Simulated, go};
use crate::decide::{self, Decision, Request, Trace};
use crate::plan::{Plan, Split};

/// So many ways are followed, the likeliest of each choice first. Only rules with dozens of destinations and several
/// faults and mirrors of a share have more.
const MOST: usize = 10_000;

/// One way that chance may take, and how many requests take it.
#[derive(Clone, Debug)]
pub struct Outcome<'p> {
    /// From 0 to 1; those of all ways are 1 together.
    pub share: f64,
    /// What becomes of the request then.
    pub simulated: Simulated<'p>,
}

/// All that may become of a request, by every way that chance may take: faults, destinations, mirrors. Whoever a cookie
/// is made for goes to a destination by its weight. `upstream` answers for the cluster that gets it.
pub fn outcomes<'p>(
    plan: &'p Plan,
    incoming: &Incoming,
    upstream: impl FnMut(&str) -> Answer,
    trace: &mut impl Trace,
) -> Vec<Outcome<'p>> {
    let pairs = incoming.pairs();
    let decision = decide::find(plan, &Request::new(&pairs), trace);
    outcomes_of(plan, decision, incoming, upstream)
}

/// The same of a request of which is known what it finds.
pub fn outcomes_of<'p>(
    plan: &'p Plan,
    decision: Decision,
    incoming: &Incoming,
    mut upstream: impl FnMut(&str) -> Answer,
) -> Vec<Outcome<'p>> {
    let pairs = incoming.pairs();
    let request = Request::new(&pairs);
    let mut path = Path::default();
    let mut all = Vec::new();
    loop {
        path.restart();
        let simulated = go(plan, decision, incoming, &request, &mut path, &mut upstream);
        all.push(Outcome { share: path.share(), simulated });
        if all.len() >= MOST || !path.turn() {
            return all;
        }
    }
}

/// A way through all choices. Each has its options' shares, and the one that is taken.
#[derive(Default)]
struct Path {
    choices: Vec<(Vec<f64>, usize)>,
    /// How many choices were made on this way so far.
    made: usize,
}

impl Path {
    /// Begins anew, on the same way.
    fn restart(&mut self) {
        self.made = 0;
    }

    /// Takes the option that the way has here, or the first where it has been no further.
    fn take(&mut self, shares: impl FnOnce() -> Vec<f64>) -> usize {
        if self.choices.len() == self.made {
            self.choices.push((shares(), 0));
        }
        let taken = self.choices.get(self.made).map_or(0, |(_, taken)| *taken);
        self.made += 1;
        taken
    }

    /// To the next way: another option at the last choice that has one left.
    fn turn(&mut self) -> bool {
        while let Some((shares, taken)) = self.choices.last_mut() {
            *taken += 1;
            if *taken < shares.len() {
                return true;
            }
            self.choices.pop();
        }
        false
    }

    fn share(&self) -> f64 {
        self.choices.iter().filter_map(|(shares, taken)| shares.get(*taken)).product()
    }
}

impl Draws for Path {
    fn hits(&mut self, of: Chance) -> bool {
        let share = f64::from(of.ppm().min(1_000_000)) / 1_000_000.0;
        // What hits everybody, or nobody, is no choice.
        match of.ppm() {
            0 => false,
            1_000_000.. => true,
            _ => self.take(|| vec![share, 1.0 - share]) == 0,
        }
    }

    fn destination(&mut self, split: &Split) -> u32 {
        let all = split.destinations();
        let total: f64 = all.iter().map(|it| f64::from(it.weight)).sum();
        let taken = self.take(|| all.iter().map(|it| f64::from(it.weight) / total).collect());
        u32::try_from(taken).unwrap_or(0)
    }

    fn cookie(&mut self) -> Option<u64> {
        None
    }
}
