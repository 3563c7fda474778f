//! Cases: files of requests and of what must come of them.
//!
//! | file | what |
//! |---|---|
//! | [`form`] | the form of the files, which `docs/cases.md` describes |
//! | `read` | reading them, with the place of all that is wrong |
//! | `answer` | what came of a request, and how one is put without a proxy |
//! | `judge`, `copies`, `shares` | an answer against what is expected |
//! | `ask` | all that may come of a request without a proxy, against what is expected |

mod answer;
mod copies;
pub mod form;
mod judge;
mod located;
mod read;
mod shares;

pub use answer::{Answer, Headers, Upstream, answer, headers, incoming, of_destination, shown};
pub use copies::{judge_copies, take_copies};
pub use form::{Behaviour, Case, Expect, RequestFields, ResourceSource, Scene};
pub use judge::{Comparison, judge};
pub use read::{CaseError, CaseFile, read};
