//! Envoy's `matcher_tree` in place of a list of routes: a map that Envoy looks a path up in, where rules are such that a
//! map can hold them.

use serde_json::{Map, Value, json};

/// Replaces the routes of all virtual hosts, each of which has to be by prefix alone or by exact path alone.
pub fn replace(config: &mut Value) -> Result<(), String> {
    let hosts = config["virtual_hosts"].as_array_mut().ok_or("there are virtual hosts")?;
    for host in hosts {
        let Some(Value::Array(routes)) = host.as_object_mut().and_then(|host| host.remove("routes")) else { continue };
        let mut maps: [Map<String, Value>; 2] = Default::default();
        for route in routes {
            let matcher = &route["match"];
            let (map, key) = match (&matcher["prefix"], &matcher["path"]) {
                (Value::String(prefix), _) => (&mut maps[0], prefix.clone()),
                (_, Value::String(path)) => (&mut maps[1], path.clone()),
                _ => return Err(format!("no matcher_tree holds {matcher}")),
            };
            let mut action = route.clone();
            action["@type"] = json!("type.googleapis.com/envoy.config.route.v3.Route");
            map.insert(key, json!({"action": {"name": "route", "typed_config": action}}));
        }
        let [prefixes, paths] = maps;
        let (name, map) = if paths.is_empty() { ("prefix_match_map", prefixes) } else { ("exact_match_map", paths) };
        host["matcher"] = json!({"matcher_tree": {
            "input": {"name": "path", "typed_config": {
                "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                "header_name": ":path",
            }},
            name: {"map": map},
        }});
    }
    Ok(())
}
