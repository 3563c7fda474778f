//! `sailcloth explain`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use envoy_config::explain::{self, Asked, From, Scene, Whom, place, request};
use envoy_config::input::Purpose;

use super::{Input, Outcome, Output, note, print, print_styled, warn};

const EXAMPLES: &str = "\
Examples:
  sailcloth explain mesh/ http://shop.example.com/orders
  sailcloth explain services.yaml mesh/ -X POST -H 'x-user: elena' 'http://shop.example.com/orders?limit=10'
  sailcloth explain mesh/ --gateway istio-system/public --port 443 https://shop.example.com/
  sailcloth explain mesh/ --from shop,app=web http://payments:8080/
  sailcloth explain mesh/ http://shop.example.com/orders --write-case cases/shop.yaml
  kubectl get vs,dr,gw,se,svc -A -o yaml | sailcloth explain - http://shop.example.com/ -o json

Exit codes:
  0  it is explained, whatever becomes of the request
  2  wrong usage, or a file that cannot be read";

/// Says what becomes of a request, and why: which rule takes it and where that stands, where it goes and what is changed
/// on the way, and why no other rule has it. Nothing is sent: the code that runs in the proxy is asked.
///
/// The last of the arguments is the URL. Without `--gateway` and `--from` the listeners that `run` would write decide: a
/// Gateway's that serves the host, else the mesh's; the answer says which was taken.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, override_usage = "sailcloth explain [OPTIONS] [PATH]... URL")]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Asks this Gateway's listener: the port of `--port`, else the URL's, else its first.
    #[arg(long, value_name = "NS/NAME", conflicts_with = "from")]
    gateway: Option<String>,
    /// Asks the mesh, as a proxy in this namespace with these labels sees it.
    #[arg(long, value_name = "NS[,KEY=VALUE...]", value_parser = From::parse)]
    from: Option<From>,
    /// The port that Istio would see: a Gateway server's, or a service's.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The method [default: GET].
    #[arg(short = 'X', long = "request", value_name = "METHOD", allow_hyphen_values = true)]
    method: Option<String>,
    /// A header; repeat for more. `host` takes the place of the URL's.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The client's address.
    #[arg(long, value_name = "IP", value_parser = request::source)]
    source: Option<IpAddr>,
    /// Appends a case to this file, which `sailcloth test` holds later resources to: the request, and what comes of it by
    /// now.
    #[arg(long, value_name = "FILE")]
    write_case: Option<PathBuf>,
    /// How the answer is told, on standard output; as JSON by docs/explain.schema.json.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub fn explain(args: &Args) -> Outcome {
    let (input, url) = args.input.and_url()?;
    let asked = Asked { source: args.source, ..Asked::new(args.method.as_deref(), &url, &args.headers)? };
    let whom = match (&args.gateway, &args.from) {
        (Some(gateway), _) => Whom::Gateway(gateway.clone()),
        (None, Some(from)) => Whom::From(from.clone()),
        (None, None) => Whom::Anybody,
    };
    let (mut loaded, place) =
        input.load_while(Purpose::default(), |set| place::place(set, &whom, args.port, &asked))?;
    let place = place?;
    let mut explanation = explain::explain(&mut loaded.set, &place, &asked);
    explanation.count(&loaded.findings);
    match explanation.findings.errors {
        0 => {}
        1 => warn("the resources have an error, and are explained as far as it goes; `sailcloth check` says which"),
        errors => warn(&format!(
            "the resources have {errors} errors, and are explained as far as it goes; `sailcloth check` says which"
        )),
    }
    match args.output {
        Output::Text => print_styled(&explain::text(&explanation))?,
        Output::Json => print(&envoy_config::generate::pretty(&explanation))?,
    }
    if let Some(file) = &args.write_case {
        // As `test` finds the proxy: of what nobody knows no proxy that is written down would say what this one does.
        let scene = Scene::of(&explanation, &asked, &input.names(&loaded), place.answers_unknown, file);
        scene.append(file)?;
        note(&format!("a case is written to `{}`", file.display()));
    }
    // The program ends here, and to take a large set apart would cost as much as to explain a request by it.
    std::mem::forget(loaded);
    Ok(ExitCode::SUCCESS)
}
