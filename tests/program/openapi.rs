//! The OpenAPI description: it is complete, agrees with the server, and equals the committed file.

use std::collections::HashSet;

use hyper::Method;
use parlor_loadtests::rest::{call, get};
use parlor_protocol::Command;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::support::program::{parlor, run};
use crate::support::world::World;

fn document() -> Value {
    serde_json::from_str(&parlor::router::openapi()).expect("JSON")
}

/// Every operation with its method and address.
fn operations(document: &Value) -> Vec<(Method, &str, &Value)> {
    let paths = document["paths"].as_object().expect("there are paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path has methods");
            methods
                .iter()
                .map(|(method, operation)| (method.to_uppercase().parse().expect("a method"), path.as_str(), operation))
        })
        .collect()
}

/// Asserts that the value is what the schema says, which may refer to the document's components.
fn assert_fits(document: &Value, schema: &Value, value: &Value, whose: &str) {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{whose}: {error}"));
    let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{whose}: {value}: {errors:?}");
}

/// Every value of the document, and of what is in it.
fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(members) => members.values().for_each(|member| walk(member, visit)),
        _ => {}
    }
}

#[test]
fn what_the_description_refers_to_is_there() {
    let document = document();
    walk(&document, &mut |value| {
        // `null` is one of the values of an enum that may be left out, and the value of no member.
        let has_null = value.as_object().is_some_and(|members| members.values().any(Value::is_null));
        assert!(!has_null, "a member is null: {value}");
        if let Some(reference) = value["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    });
}

#[test]
fn the_committed_description_is_that_of_the_routes() {
    let committed: Value = serde_json::from_str(include_str!("../../docs/openapi.json")).expect("JSON");
    assert!(committed == document(), "docs/openapi.json is stale: ./parlor schema");
    let printed = run(&mut parlor(&["openapi"]));
    assert!(serde_json::from_slice::<Value>(&printed.stdout).ok() == Some(committed));
}

#[test]
fn every_operation_is_described_in_full_with_examples_that_fit() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = HashSet::new();
    for (method, path, operation) in operations(&document) {
        let whose = format!("{method} {path}");
        let id = operation["operationId"].as_str().expect("an operationId");
        assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{whose}: {id}");
        assert!(ids.insert(id), "{id} is there twice");
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{whose}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{whose}: {parameter}");
        }
        let json = "application/json";
        let bodies =
            [&operation["requestBody"]].into_iter().chain(operation["responses"].as_object().expect("some").values());
        for content in bodies.filter_map(|body| body["content"].as_object()) {
            for (kind, content) in content {
                if kind == json {
                    assert_fits(&document, &content["schema"], &content["example"], &whose);
                } else {
                    assert_eq!(kind, "application/problem+json", "{whose}");
                    for name in content["examples"].as_object().expect("an example a code").keys() {
                        let example = &document["components"]["examples"][name]["value"];
                        assert_fits(&document, &content["schema"], example, &whose);
                    }
                }
            }
        }
        assert!(operation["responses"]["500"].is_object(), "{whose} may meet a fault");
        let is_open = operation["security"] == json!([{}]);
        let unauthorized = &operation["responses"]["401"]["content"]["application/problem+json"]["examples"];
        assert_eq!(unauthorized["token_expired"].is_null(), is_open, "{whose}");
    }
}

#[test]
fn every_twin_that_a_command_names_is_an_operation() {
    let document = document();
    for (kind, rest) in Command::KINDS.iter().filter_map(|kind| Some((kind.name, kind.rest?))) {
        let (method, path) = rest.split_once(' ').expect("a method and an address");
        assert!(document["paths"][path][method.to_lowercase()].is_object(), "{kind}: there is no {rest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_of_the_description_is_served() {
    let world = World::dev().await;
    let (status, served) = get(world.address, "/v1/openapi.json", None).await.expect("up");
    assert!(status == 200 && served == document());
    for (path, item) in served["paths"].as_object().expect("there are paths") {
        // A method that no route has is answered with those that it has.
        let (status, head, _) = block_in_place(|| world.program.ask("TRACE", path, &[]));
        let allowed = head.lines().find_map(|line| line.strip_prefix("allow: ")).unwrap_or_default();
        let allowed: HashSet<_> =
            allowed.split(',').filter(|method| *method != "HEAD").map(str::to_lowercase).collect();
        let described = item.as_object().expect("a path has methods").keys().cloned().collect();
        assert_eq!((status, allowed), (405, described), "{path}");
    }
    let token = world.demo(1).await.0;
    // Whoever signs out is asked for nothing more.
    for (method, path, operation) in operations(&served).into_iter().filter(|(_, path, _)| !path.ends_with("/logout")) {
        let filled = path
            .replace("/uploads/{id}", "/uploads/01990000-0000-7000-8000-000000000001")
            .replace("{id}", "104233871")
            .replace("{no}", "1");
        let body = &operation["requestBody"]["content"]["application/json"]["example"];
        let body = (!body.is_null()).then_some(body);
        let (status, answer) = call(world.address, method.clone(), &filled, Some(&token), body).await.expect("up");
        let described = &operation["responses"][status.as_str()];
        let (_, content) = described["content"].as_object().and_then(|content| content.iter().next()).unzip();
        if let Some(content) = content {
            assert_fits(&served, &content["schema"], &answer, &format!("{method} {path}"));
        } else {
            assert!(described.is_object() && answer.is_null(), "{method} {path}: {status} {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_the_description_is_there_in_dev_and_asks_no_other_host() {
    let world = World::dev().await;
    for file in ["", "swagger-initializer.js", "index.css"] {
        let (status, text) = block_in_place(|| world.program.get(&format!("/docs/api/{file}")));
        assert_eq!(status, 200, "{file}");
        assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
    }
    drop(world);
    let world = World::serve().await;
    assert_eq!(block_in_place(|| world.program.get("/docs/api/")).0, 404);
    assert_eq!(block_in_place(|| world.program.get("/v1/openapi.json")).0, 200);
}
