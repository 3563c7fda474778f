//! What chance decides.

use crate::plan::Split;
use crate::plan::fault::hits;

/// What a share of requests runs into, each drawn by itself, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chance {
    /// It waits.
    Delay(u32),
    /// It is aborted.
    Abort(u32),
    /// A mirror gets a copy.
    Mirror(u32),
}

impl Chance {
    /// The share, in millionths.
    pub fn ppm(self) -> u32 {
        let (Chance::Delay(ppm) | Chance::Abort(ppm) | Chance::Mirror(ppm)) = self;
        ppm
    }
}

/// Decides where the resources leave it to chance.
pub trait Draws {
    /// Whether a request is among those that run into it.
    fn hits(&mut self, of: Chance) -> bool;

    /// Which destination a request goes to, by weight.
    fn destination(&mut self, split: &Split) -> u32;

    /// What the cookie of a new client is made of. Without a number its value is left open, and its destination is drawn
    /// by weight.
    fn cookie(&mut self) -> Option<u64>;
}

/// Draws as modules do, from uniform 64-bit numbers.
#[derive(Clone, Debug)]
pub struct Numbers<F>(pub F);

impl<F: FnMut() -> u64> Draws for Numbers<F> {
    fn hits(&mut self, of: Chance) -> bool {
        hits(of.ppm(), self.0())
    }

    fn destination(&mut self, split: &Split) -> u32 {
        split.choose(&mut self.0)
    }

    fn cookie(&mut self) -> Option<u64> {
        Some(self.0())
    }
}
