//! Why a decision came so.

/// Hears what the decision looked at, in order. Every method has an empty body, so that listening to nothing compiles
/// to nothing.
pub trait Trace {
    /// A virtual host was found, by its index in the plan.
    fn host(&mut self, _host: u32) {}
    /// A match block of a rule was looked at and did not hold.
    fn skipped(&mut self, _rule: u32, _matched: u32) {}
    /// This match block held.
    fn matched(&mut self, _rule: u32, _matched: u32) {}
}

/// Listens to nothing.
pub struct Untraced;

impl Trace for Untraced {}
