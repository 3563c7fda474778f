//! What a proxy's rules are: the resources, and who the proxy is, in; its virtual hosts and their rules in order out.
//!
//! What plays no part for this proxy is told to a [`Listener`], with the reason.

mod omission;

pub use omission::{Delegated, Listener, Omission, Reason, Silent};
