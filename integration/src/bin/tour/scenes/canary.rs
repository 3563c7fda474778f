//! Version v2 of the ui, for half of the requests and for some browsers.

use integration::client::Request;

use super::{always, share};
use crate::crowd::Answer;
use crate::proxy::{Finding, Outcome};
use crate::stage::{Stage, Way};
use crate::table::{REQUESTS, Row, Table};

const MISSPELT: &str = "canary-misspelt-weight.yaml";

pub fn by_weight(stage: &mut Stage) -> Result<Table, String> {
    let (refused, findings) = match stage.try_replace(MISSPELT)? {
        Outcome::Applied(findings) => (false, findings),
        Outcome::Refused(findings) => (true, findings),
    };
    let said = |severity: &str, about: &str| -> Option<&Finding> {
        findings.iter().find(|finding| finding.severity == severity && finding.message.contains(about))
    };
    let (warning, error) = (said("warning", "`weigth`"), said("error", "add up to 0"));
    let short = |finding: Option<&Finding>| finding.map_or("nothing".to_owned(), Finding::short);
    let helped = warning.is_some_and(|warning| warning.hint.contains("`weight`"));
    let mut rows = vec![
        Row::new("sailcloth check", "the word that is meant", short(warning), helped),
        Row::new("", "refused, for nobody has a weight", short(error), refused && error.is_some()),
    ];

    stage.replace_corrected(MISSPELT, |text| text.replace("weigth:", "weight:"))?;
    let answers = stage.send(Way::Gateway, 4, 100, &Request::get("/"))?;
    let of = |name: &'static str| move |answer: &Answer| answer.is(200) && answer.who.as_deref() == Some(name);
    rows.push(share("GET /, once it says `weight`", "ui v2", 50.0, &answers, of("ui v2"), of("ui v1")));
    Ok(Table {
        title: "A canary for half (legacy/canary-misspelt-weight.yaml)",
        says: &[
            "Both versions of the ui have a weight of 50, but the file says `weigth`. It is refused with the right word;",
            "with that in it, either version gets half of the requests.",
        ],
        heads: REQUESTS,
        rows,
    })
}

pub fn by_user_agent(stage: &mut Stage) -> Result<Table, String> {
    stage.replace("canary-by-user-agent.yaml")?;
    let agent = |agent: &str| Request::get("/").header("user-agent", agent);
    let (way, new, old) = (Way::Gateway, agent("Mozilla/5.0 Chrome/62.0.3202"), agent("Mozilla/5.0 Chrome/61.0.3163"));
    let rows = vec![
        always(stage, "GET / with Chrome 62", way, &new, &["ui v2"])?,
        always(stage, "GET / with Chrome 61", way, &old, &["ui v1"])?,
        always(stage, "GET / without user agent", way, &Request::get("/"), &["ui v1"])?,
    ];
    Ok(Table {
        title: "A canary for some (legacy/canary-by-user-agent.yaml)",
        says: &["Whoever has 62 in the user agent gets version v2 of the ui, everybody else v1."],
        heads: REQUESTS,
        rows,
    })
}
