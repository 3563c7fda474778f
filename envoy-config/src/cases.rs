//! Cases: files of requests and of what must come of them.
//!
//! | file | what |
//! |---|---|
//! | [`form`] | the form of the files, which `docs/cases.md` describes |
//! | `read` | reading them, with the place of all that is wrong |
//! | `answer` | what came of a request, and how one is put without a proxy |
//! | `judge`, `copies`, `shares` | an answer against what is expected |
//! | `ask` | all that may come of a request without a proxy, against what is expected |
//! | `mesh` | the resources that are asked, for each proxy |
//! | `suite`, `report` | case files as a whole, and what came of them |
//! | `text`, `junit` | the same for people and for those who gather reports of tests |

mod answer;
mod ask;
mod copies;
pub mod form;
mod judge;
mod junit;
mod located;
mod mesh;
mod read;
mod report;
mod shares;
mod suite;
mod text;

pub use answer::{Answer, Headers, Upstream, answer, headers, incoming, of_destination, shown};
pub(crate) use ask::sent;
pub use ask::{Judged, Verdict, Wrong};
pub use copies::{judge_copies, take_copies};
pub use form::{Behaviour, Case, Expect, RequestFields, ResourceSource, Scene};
pub use judge::{Comparison, judge};
pub use junit::junit;
pub use read::{CaseError, CaseFile, read};
pub use report::{Destination, Passed, Results, Row, Rule};
pub use suite::{Asked, Suite, SuiteError};
pub use text::text;
