//! Profiles, signatures, and the search for people.

use std::collections::HashSet;

use axum::http::StatusCode;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::api::{Api, registration};
use crate::support::plan::plan;

async fn named(api: &Api, email: &str, name: &str) -> (String, i64) {
    let mut body = registration(email);
    body["name"] = json!(name);
    let answer = api.post("/v1/auth/register", &body).send().await;
    let token = answer.body["access_token"].as_str().expect("a token").to_owned();
    (token, answer.body["user"]["id"].as_i64().expect("an id"))
}

async fn found(api: &Api, token: &str, query: &str) -> Vec<String> {
    let page = api.get(&format!("/v1/users?q={query}")).bearer(token).send().await;
    assert_eq!(page.status, StatusCode::OK, "{query}: {}", page.body);
    let items = page.body["items"].as_array().expect("items");
    items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_change_of_the_profile_changes_only_the_named_fields() {
    let api = Api::new().await;
    let (token, id) = named(&api, "layla@example.com", "Layla").await;
    let change = json!({"name": " Zoë ", "country": "eg", "birthday": "1998-04-23", "bio": "Oud", "language": "AR"});
    let changed = api.patch("/v1/me", &change).bearer(&token).send().await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let values = ["name", "country", "birthday", "bio", "language"].map(|name| changed.body[name].clone());
    assert_eq!(values, ["Zoë", "EG", "1998-04-23", "Oud", "ar"].map(Value::from));
    let changed = api.patch("/v1/me", &json!({"bio": null})).bearer(&token).send().await;
    assert_eq!((changed.body.get("bio"), &changed.body["country"]), (None, &json!("EG")));
    let change = json!({"name": " ", "country": "XX", "birthday": "2020-01-01", "bio": "a\nb", "language": "arabic"});
    let refused = api.patch("/v1/me", &change).bearer(&token).send().await;
    assert_eq!(refused.fields(), ["name", "country", "birthday", "bio", "language"]);
    assert_eq!(api.patch("/v1/me", &json!({"name": null})).bearer(&token).send().await.body["name"], "Zoë");

    let (other, _) = named(&api, "omar@example.com", "Omar").await;
    let seen = api.get(&format!("/v1/users/{id}")).bearer(&other).send().await;
    let keys: HashSet<&str> = seen.body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, HashSet::from(["id", "name", "signature", "country", "language"]), "and nothing that is private");
    assert_eq!(api.get("/v1/users/999999999").bearer(&other).send().await.code(), (404, "user_not_found"));
    assert_eq!(api.get(&format!("/v1/users/{id}")).send().await.code(), (401, "unauthenticated"));
}

#[tokio::test]
async fn a_signature_is_unique_and_a_former_one_is_not_given_again() {
    let api = Api::new().await;
    let (layla, _) = named(&api, "layla@example.com", "Layla").await;
    let (omar, _) = named(&api, "omar@example.com", "Omar").await;
    let of = async |token: &str| {
        let me = api.get("/v1/me").bearer(token).send().await;
        me.body["signature"].as_str().expect("a signature").to_owned()
    };
    let put = async |token: &str, signature: &str| {
        api.put("/v1/me/signature", &json!({"signature": signature})).bearer(token).send().await
    };
    let first = of(&layla).await;
    for taken in ["vip", "the-admin-42", "amber-fox-777", &of(&omar).await, "fox"] {
        assert_eq!(put(&layla, taken).await.code(), (409, "signature_taken"), "{taken}");
    }
    assert_eq!(put(&layla, "42").await.fields(), ["signature"]);
    assert_eq!(of(&layla).await, first, "what was refused took nothing away");
    let changed = put(&layla, "Velvet-Lute-12").await;
    assert_eq!((changed.status, of(&layla).await), (StatusCode::OK, "velvet-lute-12".to_owned()));
    assert_eq!(put(&omar, "velvet-lute-l2").await.fields(), ["signature"], "no word with a digit in it");
    assert_eq!(put(&omar, "velvet-lute-12").await.code(), (409, "signature_taken"));
    assert_eq!(put(&omar, &first).await.code(), (409, "signature_taken"), "nobody passes for who she was");
    let soon = put(&layla, "velvet-lute-13").await;
    assert_eq!(soon.code(), (429, "rate_limited"));
    assert!(soon.body["retry_after_ms"].as_u64().is_some_and(|ms| ms > 29 * 24 * 3_600 * 1_000));
    assert_eq!(found(&api, &omar, "VELVET-lute-12").await, ["Layla"]);
}

#[tokio::test]
async fn exactly_one_of_parallel_requests_for_a_signature_gets_it() {
    let api = Api::new().await;
    let mut tokens = Vec::new();
    for n in 0..6 {
        tokens.push(named(&api, &format!("a{n}@example.com"), "Layla").await.0);
    }
    let body = json!({"signature": "velvet-lute-12"});
    let calls = tokens.iter().map(|token| api.put("/v1/me/signature", &body).bearer(token).send());
    let answers = join_all(calls).await;
    let won = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let lost = answers.iter().filter(|answer| answer.code() == (409, "signature_taken")).count();
    assert_eq!((won, lost), (1, 5));
}

#[tokio::test]
async fn people_are_found_by_the_beginning_of_a_name_then_by_similar_names() {
    let api = Api::new().await;
    let (token, _) = named(&api, "a@example.com", "Zoë Élise").await;
    for (n, name) in ["Zoe", "Zoey Baker", "محمد علي", "Mohammed Ali", "Muhammad Aly"].iter().enumerate() {
        named(&api, &format!("b{n}@example.com"), name).await;
    }
    assert_eq!(found(&api, &token, "ZOE").await, ["Zoe", "Zoë Élise", "Zoey Baker"]);
    assert_eq!(found(&api, &token, "zoe%20e").await, ["Zoë Élise", "Zoe"]);
    assert_eq!(found(&api, &token, "mohamed%20ali").await[0], "Mohammed Ali", "misspelt");
    assert_eq!(found(&api, &token, "%D9%85%D9%8F%D8%AD").await, ["محمد علي"], "with a mark that is not in the name");
    assert_eq!(found(&api, &token, "%D9%85%D8%AD%D9%85%D9%88%D8%AF%20%D8%B9%D9%84%D9%8A").await[0], "محمد علي");
    assert_eq!(found(&api, &token, "%25").await, Vec::<String>::new(), "no wildcard");
    for (n, name) in ["Işıl", "أحمد سالم", "Øystein"].iter().enumerate() {
        named(&api, &format!("c{n}@example.com"), name).await;
    }
    for (text, name) in [
        ("ışıl", "Işıl"),
        ("ISIL", "Işıl"),
        ("is\u{327}ıl", "Işıl"),
        ("احمد", "أحمد سالم"),
        ("أحْمَـد", "أحمد سالم"),
        ("oystein", "Øystein"),
    ] {
        let text: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(found(&api, &token, &text).await, [name], "{text}");
    }
    for (query, field) in
        [("", "q"), ("q=", "q"), ("q=a%00", "q"), ("q=a&limit=0", "limit"), ("q=a&cursor=x", "cursor")]
    {
        let answer = api.get(&format!("/v1/users?{query}")).bearer(&token).send().await;
        assert_eq!((answer.code(), answer.fields()), ((400, "bad_request"), vec![field]), "{query}");
    }
}

#[tokio::test]
async fn paging_finds_each_person_once() {
    let api = Api::new().await;
    let (token, _) = named(&api, "a@example.com", "Omar").await;
    let insert = "insert into users (id, email, password_hash, name, search_name, search_letters)
                  select 200000000 + n, 'n' || n || '@example.com', '', 'Layla ' || n % 7, 'layla ' || n % 7, 'layla ' || n % 7
                    from generate_series(1, 23) n";
    let sign = "insert into signatures (signature, user_id) select 'calm-owl-' || id % 1000, id from users where id < 200000100 and id > 200000000";
    let alike = "update users set search_name = 'bayla', search_letters = 'bayla', name = 'Bayla' where id > 200000020 and id < 200000024";
    let mut superuser = api.database.as_superuser().await;
    for statement in [insert, sign, alike] {
        sqlx::query(statement).execute(&mut superuser).await.expect("done");
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/users?q=layla&limit=4".to_owned());
    loop {
        let page = api.get(&path).bearer(&token).send().await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        seen.extend(page.body["items"].as_array().expect("items").iter().filter_map(|item| item["id"].as_i64()));
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/v1/users?q=layla&limit=4&cursor={next}");
    }
    assert_eq!(
        seen[..20].iter().collect::<HashSet<_>>(),
        (200_000_001..=200_000_020).collect::<Vec<_>>().iter().collect()
    );
    assert_eq!(seen.len(), seen.iter().collect::<HashSet<_>>().len(), "{seen:?}");
}

#[tokio::test]
async fn a_search_reads_an_index_and_not_the_table() {
    let api = Api::new().await;
    let mut superuser = api.database.as_superuser().await;
    let insert = "insert into users (id, email, password_hash, name, search_name, search_letters)
                  select 200000000 + n, n || '@example.com', '', md5(n::text), md5(n::text), md5(n::text)
                    from generate_series(1, 20000) n";
    let signatures = "insert into signatures (signature, user_id, changed_at)
                      select 'user-' || (id / 1000) % 1000 || '-' || id % 1000, id, '-infinity' from users";
    for statement in [insert, signatures, "analyze users, signatures"] {
        sqlx::query(statement).execute(&mut superuser).await.expect("done");
    }
    for (phrase, values, index) in [
        ("u.search_name ~>=~ $1", "'ab', 'ac', '', 0, 0, 51", "users_search_name"),
        ("where search_letters % $1", "'abcdef', 100, 'abcdef', -1, 0, 0, 51", "users_search_letters"),
    ] {
        let plan = plan(&mut superuser, phrase, values).await;
        assert!(plan.contains(index) && !plan.contains("Seq Scan on users"), "{plan}");
    }
}
