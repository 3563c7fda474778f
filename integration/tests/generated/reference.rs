//! What Istio's words say, with no index: hosts looked at one by one, then routes in their order.

use envoy_config::Proxy;
use envoy_config::filter::{self, StringValue};
use shared::decide::{Found, Request, Untraced, find};
use shared::finding::Report;
use shared::model::Resources;
use shared::plan::guard::Detector;
use shared::plan::proxy::NodeMetadata;
use shared::plan::{ModuleConfig, Plan};

use crate::requests::target;
use crate::rules::Wants;

pub struct Reference(Plan);

/// Who answers.
#[derive(Debug)]
pub struct Answers {
    /// The rule that trying all in order finds.
    pub in_order: Option<String>,
    /// The rule that the core's index finds.
    pub by_index: Option<String>,
    /// Whether a later route would take the request as well.
    pub contested: bool,
}

impl Reference {
    /// The plan that the modules make.
    pub fn new(set: &Resources, proxy: &Proxy) -> Reference {
        let StringValue { value } = StringValue::json(&filter::configuration(proxy, set, Detector::Envoy));
        let mut report = Report::new();
        let config = ModuleConfig::read(value.as_bytes().to_vec(), NodeMetadata::default(), &mut report);
        Reference(config.unwrap_or_else(|| panic!("{:?}", report.findings())).plan())
    }

    pub fn find(&self, wants: &Wants) -> Answers {
        let path = target(wants);
        let pseudo = [
            (":method", wants.method.as_deref().unwrap_or("GET")),
            (":scheme", "http"),
            (":authority", &wants.authority),
            (":path", &path),
        ];
        let headers = wants.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs: Vec<(&[u8], &[u8])> =
            pseudo.into_iter().chain(headers).map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let request = Request::new(&pairs);
        let by_index = match find(&self.0, &request, &mut Untraced).found {
            Found::Rule { rule, .. } => Some(self.name(rule)),
            _ => None,
        };
        let host = wants.authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let routes = self.host(&host).and_then(|index| self.0.host(index)).map_or(&[][..], |host| host.routes());
        let mut holding = routes.iter().filter(|(rule, matched)| {
            self.0.rule(*rule).is_some_and(|rule| rule.matches[*matched as usize].holds(&request))
        });
        let in_order = holding.next().map(|(rule, _)| self.name(*rule));
        Answers { contested: holding.next().is_some(), in_order, by_index }
    }

    fn name(&self, rule: u32) -> String {
        self.0
            .rule(rule)
            .and_then(|rule| rule.source.name.as_deref().map(str::to_owned))
            .expect("every rule has a name")
    }

    /// The exact name, else the longest suffix, else the star.
    fn host(&self, host: &str) -> Option<u32> {
        let domains = || (0..).map_while(|index| Some((index, self.0.host(index)?.domain.as_str())));
        let exact = domains().find(|(_, domain)| *domain == host);
        let takes = |domain: &str| domain.strip_prefix('*').is_some_and(|suffix| host.ends_with(suffix));
        let widest = || domains().filter(|(_, domain)| takes(domain)).max_by_key(|(_, domain)| domain.len());
        exact.or_else(widest).map(|(index, _)| index)
    }
}
