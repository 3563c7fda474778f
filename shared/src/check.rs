//! What is wrong with a set of resources beyond what reading them shows.
use crate::finding::Report;
use crate::model::Resources;
/// Checks a set.
pub fn check(_set: &Resources, _report: &mut Report) {}
