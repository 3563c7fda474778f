//! The page that says what codes mean: every code is there, and every example gives it.

use envoy_config::codes::{PAGE, section};
use envoy_config::input::{Source, loaded};
use shared::finding::{Code, Finding, Origin, Severity};

use crate::common::run;

/// Codes that no file of resources gives.
const WITHOUT_EXAMPLE: [Code; 3] = [Code::ModuleConfiguration, Code::NotQuoted, Code::TooLarge];

const BESIDE: [Code; 6] =
    [Code::NoEndpoints, Code::OtherKinds, Code::UnknownKind, Code::Unenforced, Code::Unsupported, Code::SchemaWarning];

/// The blocks of YAML in a section, each of which is a file.
fn examples(section: &str) -> Vec<Source> {
    let blocks = section.split("```yaml\n").skip(1).filter_map(|block| block.split_once("```"));
    let source =
        |(index, (text, _)): (usize, (&str, &str))| Source { name: format!("{index}.yaml"), text: text.into() };
    blocks.enumerate().map(source).collect()
}

#[test]
fn every_code_is_on_the_page_with_its_meaning() {
    let mut codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    codes.sort_unstable();
    let headings: Vec<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings, codes);
    for code in Code::ALL {
        let section = section(*code).unwrap();
        let second = section.lines().nth(2).unwrap();
        assert_eq!(second, code.meaning().trim(), "{code}");
        assert!(section.contains("\nWrite: "), "{code}");
    }
}

#[test]
fn every_example_gives_its_code() {
    for code in Code::ALL {
        let examples = examples(section(*code).unwrap());
        assert_eq!(examples.is_empty(), WITHOUT_EXAMPLE.contains(code), "{code}");
        if examples.is_empty() {
            continue;
        }
        let loaded = loaded(examples);
        let said: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
        assert!(loaded.findings.iter().any(|finding| finding.code == *code), "{code}: {said:#?}");
        // An example is about its code, and shows what else is right. Beside it: kinds that are not acted on, and
        // workloads and Services that are elsewhere.
        let elsewhere = |finding: &Finding| {
            let here = finding.origin == Origin::Analysis && finding.severity != Severity::Info;
            // Istio's own names are none that one may write.
            let internal = (*code, finding.code) == (Code::ReferencedInternalGateway, Code::SchemaValidationError);
            internal || BESIDE.contains(&finding.code) || (finding.origin == Origin::Analysis && !here)
        };
        let others = loaded.findings.iter().filter(|finding| finding.code != *code && !elsewhere(finding));
        let others: Vec<Code> = others.map(|finding| finding.code).collect();
        assert!(others.is_empty(), "{code}: {others:?} {said:#?}");
    }
}

#[test]
fn the_command_says_what_stands_on_the_page() {
    let ran = run(&["check", "--codes"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for code in Code::ALL {
        assert!(ran.out.contains(&format!("{code}  {}\n", code.meaning().trim())), "{}", ran.out);
        let ran = run(&["check", "--codes", &code.as_str().to_lowercase()]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(ran.out.starts_with(&format!("{code}\n\n{}\n", code.meaning().trim())), "{}", ran.out);
        assert!(ran.out.contains("\nWrite: ") && !ran.out.contains("```"), "{}", ran.out);
    }
}

/// What is said of a set as a whole, and examples with something that all other files depend on.
const OF_ALL: [Code; 8] = [
    Code::Replaced,
    Code::OtherKinds,
    Code::NamespaceInjectionEnabledByDefault,
    Code::InvalidWebhook,
    Code::InvalidExternalControlPlaneConfig,
    Code::ExternalControlPlaneAddressIsNotAHostname,
    Code::NamespaceNotInjected,
    Code::PodsIstioProxyImageMismatchInNamespace,
];

/// A folder with a mistake of every kind there is: none hides another.
#[test]
fn a_mistake_of_every_kind_is_said_at_once() {
    let folder = crate::common::folder("every-mistake");
    for code in Code::ALL.iter().filter(|code| !OF_ALL.contains(code)) {
        for (index, example) in examples(section(*code).unwrap()).into_iter().enumerate() {
            let namespace = code.as_str().to_lowercase();
            let text = example.text.replace("namespace: shop", &format!("namespace: {namespace}"));
            // Gateways select Pods of all namespaces, and their certificates are beside Istio's own.
            let text = text.replace("app: edge", &format!("app: edge-{namespace}"));
            let text = text.replace("ame: cert", &format!("ame: cert-{namespace}"));
            let text = text.replace("{name: shop", &format!("{{name: {namespace}"));
            let text = text.replace(".shop.svc", &format!(".{namespace}.svc"));
            std::fs::write(folder.join(format!("{code}-{index}.yaml")), text).unwrap();
        }
    }
    let ran = run(&["check", folder.to_str().unwrap(), "-o", "json"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let findings: Vec<serde_json::Value> = serde_json::from_str(&ran.out).unwrap();
    for code in Code::ALL.iter().filter(|code| !WITHOUT_EXAMPLE.contains(code) && !OF_ALL.contains(code)) {
        let is = |finding: &serde_json::Value| {
            let file = finding["file"].as_str().unwrap_or_default();
            finding["code"] == code.as_str() && file.contains(&format!("/{code}-"))
        };
        assert!(findings.iter().any(is), "{code}");
    }
}
