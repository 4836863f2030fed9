//! What OpenAPI allows the server takes, and what it forbids the server refuses as malformed: for the body, the query, the
//! path and the operation of each request, with values that are made of the document.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt as _, stream};
use hyper::Method;
use jsonschema::Validator;
use reqwest::Client as Http;
use serde_json::{Value, json};

use super::variation::{Schemas, Variation};
use crate::matrix::operations::{LINES, operations};
use crate::matrix::{Asker, Scene, filled};
use crate::support::world::World;

/// What the server refuses although the document allows it, because no schema can say it: the operation, the beginning of
/// the field's name, and the reason. An entry that is no longer needed fails the test.
const BEYOND_A_SCHEMA: &[(&str, &str, &str)] = &[
    ("register", " without email", "one of phone and email is needed"),
    ("register", "email = null", "one of phone and email is needed"),
    ("register", "phone", "which numbers there are is known to a library"),
    ("register", "password", "common passwords are refused"),
    ("reset_password", "password", "common passwords are refused"),
    ("change_password", "password", "common passwords are refused"),
    ("begin_upload", "bytes", "each purpose has a limit of its own"),
    ("suspend_user", "until", "it is in the future"),
    ("suspend_user", " with until", "it is in the future"),
    ("confirm_contact", " without password", "an address that is not the caller's yet needs it"),
    ("confirm_contact", "password = null", "an address that is not the caller's yet needs it"),
    ("*", "cursor", "it was given by the page before"),
    ("send_message", "reply_to", "the line was posted before"),
    ("send_image", "", "the image is a ready upload of one's own that no line has shown"),
    ("list_users", "q", "an id, an e-mail address, a phone number or a signature"),
];

/// Limits that no test of forms meets, beside the usual ones.
const UNHINDERED: &[(&str, &str)] = &[
    ("PARLOR__IDENTITY__REGISTRATIONS_PER_MINUTE_ADDRESS", "100000"),
    ("PARLOR__IDENTITY__SIGN_INS_PER_MINUTE_ADDRESS", "100000"),
    ("PARLOR__IDENTITY__REFRESHES_PER_MINUTE_ADDRESS", "100000"),
    ("PARLOR__IDENTITY__FAILURES_ACCOUNT", "1000"),
    ("PARLOR__IDENTITY__FAILURES_ADDRESS", "100000"),
    ("PARLOR__IDENTITY__CODE_RESEND_SECONDS", "0"),
    ("PARLOR__IDENTITY__SIGNATURE_DAYS", "0"),
    ("PARLOR__GATEWAY__GIFT", "1000 in 1000 ms"),
    ("PARLOR__GATEWAY__CHAT", "1000 in 1000 ms"),
];

/// How many requests are on their way at once.
const AT_ONCE: usize = 4;

/// The document, and somebody who may do everything.
struct Scenery {
    scene: Scene,
    document: Value,
    http: Http,
}

/// An operation, and a good request for it.
struct Good {
    id: &'static str,
    method: Method,
    template: String,
    path: String,
    body: Option<Value>,
    token: String,
}

impl Scenery {
    async fn set() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let document = serde_json::from_str(&parlor::router::openapi()).expect("JSON");
        let http = Http::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let world = World::dev().roomy().set_all(UNHINDERED.iter().copied()).await;
        Self { scene: Scene::on(world).await, document, http }
    }

    fn admin(&self) -> &Asker {
        self.scene.askers.last().expect("there are askers")
    }

    fn operation(&self, good: &Good) -> &Value {
        &self.document["paths"][&good.template][good.method.as_str().to_lowercase()]
    }

    /// A good request for each operation, by the line of the matrix that the admin may send.
    async fn good(&self) -> (Vec<Good>, Vec<crate::support::client::Client>) {
        let all = operations();
        let mut clients =
            vec![self.scene.world.in_room(self.admin().user.expect("signed in"), self.admin().own_room).await];
        let mut lines: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        let (allowed, others): (Vec<_>, Vec<_>) = LINES.iter().partition(|(_, _, _, cells)| cells.ends_with('.'));
        for (id, path, body, _) in allowed.into_iter().chain(others) {
            lines.entry(id).or_insert((path, body));
        }
        let mut good = Vec::new();
        for (id, (path, body)) in lines {
            let mut words: HashMap<&'static str, String> = self.scene.words(self.admin());
            clients.extend(self.scene.fresh(self.admin(), &format!("{path}{body}"), &mut words).await);
            let (method, template) = all[id].clone();
            let body = filled(body, &words);
            let body = (!body.is_empty()).then(|| serde_json::from_str(&body).expect("JSON"));
            let token = self.scene.token(self.admin()).await;
            good.push(Good { id, method, template, path: filled(path, &words), body, token });
        }
        (good, clients)
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut whole = schema.clone();
        whole["components"] = self.document["components"].clone();
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&whole)
            .expect("a good schema")
    }

    async fn answer(&self, good: &Good, path: &str, body: Option<&Value>, op: Option<&str>) -> (u16, String) {
        let address = format!("http://{}{path}", self.scene.world.address);
        let method = good.method.as_str().parse().expect("a method");
        let mut request = self.http.request(method, address).bearer_auth(&good.token);
        if let Some(op) = op {
            request = request.header("Idempotency-Key", op);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.expect("it answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        let code = serde_json::from_str::<Value>(&text).ok().and_then(|body| Some(body["code"].as_str()?.to_owned()));
        (status, code.unwrap_or_default())
    }
}

/// What an answer says about the form of a request.
fn is_refused((status, code): &(u16, String)) -> bool {
    *status == 400 && ["bad_request", "operation_required"].contains(&code.as_str())
}

/// What was found, without what no schema can say.
#[derive(Default)]
struct Found {
    asked: usize,
    hindered: Vec<String>,
    wrong: Vec<String>,
    needed: Vec<(&'static str, &'static str)>,
}

impl Found {
    fn note(&mut self, id: &str, about: &str, is_allowed: bool, answer: &(u16, String), is_refused: bool) {
        self.asked += 1;
        if answer.1 == "rate_limited" {
            // Whether the form would do was not looked at.
            self.hindered.push(id.to_owned());
            return;
        }
        assert!(answer.0 < 500 || answer.0 == 501, "{id}: {about}: {answer:?}");
        if is_allowed != is_refused {
            return;
        }
        let known = BEYOND_A_SCHEMA.iter().find(|(of, field, _)| (*of == id || *of == "*") && about.starts_with(field));
        match known.filter(|_| is_allowed) {
            Some((of, field, _)) => self.needed.push((*of, *field)),
            None => {
                let words = if is_allowed { "allowed and refused" } else { "forbidden and taken" };
                self.wrong.push(format!("{id}: {words}: {about}: {} {}", answer.0, answer.1));
            }
        }
    }

    fn end(self) {
        let (asked, hindered) = (self.asked, self.hindered.len());
        println!("{asked} requests were made, {hindered} of them beyond a rate");
        assert!(hindered * 20 < asked, "{hindered} of {asked} were beyond a rate: {:?}", self.hindered);
        assert!(self.wrong.is_empty(), "{} disagreements:\n{}", self.wrong.len(), self.wrong.join("\n"));
    }
}

fn fresh_op() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_refused_exactly_when_the_document_forbids_it() {
    let scenery = Scenery::set().await;
    let (mut good, _clients) = scenery.good().await;
    // Some of the others put the asker out of the room.
    good.sort_by_key(|good| !good.id.starts_with("send_"));
    let mut found = Found::default();
    for good in &good {
        let schema = &scenery.operation(good)["requestBody"]["content"]["application/json"]["schema"];
        let Some(body) = good.body.as_ref().filter(|_| !schema.is_null()) else { continue };
        let validator = scenery.validator(schema);
        assert!(validator.is_valid(body), "{}: the matrix's own body: {body}", good.id);
        let all = Schemas(&scenery.document).around(schema, body);
        let answers = stream::iter(all).map(|Variation { about, value }| {
            let scenery = &scenery;
            async move {
                let answer = scenery.answer(good, &good.path, Some(&value), Some(&fresh_op())).await;
                (about, value, answer)
            }
        });
        let answers: Vec<_> = answers.buffered(AT_ONCE).collect().await;
        for (about, value, answer) in answers {
            found.note(good.id, &about, validator.is_valid(&value), &answer, is_refused(&answer));
        }
    }
    let of_bodies = BEYOND_A_SCHEMA.iter().filter(|(_, field, _)| !["cursor", "q"].contains(field));
    let stale = of_bodies.filter(|(id, field, _)| !found.needed.contains(&(*id, *field)));
    let stale: Vec<String> = stale.map(|(id, field, _)| format!("{id}: the document says it now: {field}")).collect();
    found.wrong.extend(stale);
    found.end();
}

/// The value as it stands in an address.
fn in_address(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// What stands in an address, as its schema reads it: a number if it is one.
fn read(schema: &Value, text: &str) -> Value {
    let is_number = schema["type"] == "integer";
    text.parse::<i64>().ok().filter(|_| is_number).map_or_else(|| json!(text), |number| json!(number))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_refused_exactly_when_the_document_forbids_it() {
    let scenery = Scenery::set().await;
    let (good, _clients) = scenery.good().await;
    let schemas = Schemas(&scenery.document);
    let mut found = Found::default();
    for good in &good {
        let (bare, query) = good.path.split_once('?').unwrap_or((&good.path, ""));
        for parameter in scenery.operation(good)["parameters"].as_array().into_iter().flatten() {
            let (name, place) =
                (parameter["name"].as_str().expect("a name"), parameter["in"].as_str().expect("a place"));
            let schema = schemas.resolved(&parameter["schema"]);
            let validator = scenery.validator(&schema);
            let given = schemas.example(&schema);
            for Variation { about, value } in schemas.around(&schema, &given) {
                let Some(text) = in_address(&value).filter(|text| place != "path" || !text.is_empty()) else {
                    continue;
                };
                let path =
                    match place {
                        "query" => {
                            let others = query
                                .split('&')
                                .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name));
                            let others: String = others.map(|pair| format!("{pair}&")).collect();
                            format!("{bare}?{others}{name}={}", encoded(&text))
                        }
                        "path" => {
                            let parts = good.template.split('/').zip(bare.split('/'));
                            let parts = parts.map(|(part, given)| {
                                if part == format!("{{{name}}}") { encoded(&text) } else { given.to_owned() }
                            });
                            parts.collect::<Vec<_>>().join("/")
                        }
                        _ => good.path.clone(),
                    };
                let op = if place == "header" { text.clone() } else { fresh_op() };
                if place == "header" && !text.is_ascii() {
                    continue;
                }
                let answer = scenery.answer(good, &path, good.body.as_ref(), Some(&op)).await;
                let is_allowed = validator.is_valid(&read(&schema, &text));
                // A path that names nothing by its form is not found, as one that names nothing by its state.
                let is_refused = match place {
                    "path" if is_allowed => is_refused(&answer),
                    "path" => answer.0 == 404 || is_refused(&answer),
                    _ => is_refused(&answer),
                };
                found.note(good.id, &format!("{name}{about}"), is_allowed, &answer, is_refused);
            }
            if place == "header" {
                let answer = scenery.answer(good, &good.path, good.body.as_ref(), None).await;
                let is_allowed = parameter["required"] != true;
                found.note(good.id, &format!("without {name}"), is_allowed, &answer, is_refused(&answer));
            }
        }
        if good.method == Method::GET
            && scenery.operation(good)["parameters"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["in"] == "query"))
        {
            let path = format!("{}{}an_unknown_name=1", good.path, if query.is_empty() { "?" } else { "&" });
            let answer = scenery.answer(good, &path, None, None).await;
            found.note(good.id, "an unknown name in the query", false, &answer, is_refused(&answer));
        }
    }
    found.end();
}

/// The text with every byte that is not a letter or a digit in percent-encoding (RFC 3986).
fn encoded(text: &str) -> String {
    let each = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    each.collect()
}
