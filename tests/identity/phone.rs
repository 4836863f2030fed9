//! Phone numbers: in the spellings of people, of countries, and of older versions.

use axum::http::StatusCode;
use serde_json::json;

use super::api::{Api, PASSWORD, registration};

fn by_phone(phone: &str) -> serde_json::Value {
    let mut body = registration("");
    body.as_object_mut().expect("an object").remove("email");
    body["phone"] = json!(phone);
    body
}

fn login(login: &str, password: &str) -> serde_json::Value {
    json!({"login": login, "password": password, "device": "test"})
}

/// Makes an account and gives it this number, as a version stored it that did not know the numbers of countries.
async fn of_an_older_version(api: &Api, phone: &str) {
    let made = api.post("/v1/auth/register", &by_phone("+4915123456789")).send().await;
    assert_eq!(made.status, StatusCode::CREATED);
    let changed = sqlx::query("update users set phone = $1 where phone = '+4915123456789'").bind(phone);
    let changed = changed.execute(&mut api.database.as_superuser().await).await.expect("changed");
    assert_eq!(changed.rows_affected(), 1);
}

#[tokio::test]
async fn every_spelling_of_a_number_is_one_account() {
    let api = Api::new().await;
    let made =
        api.post("/v1/auth/register", &by_phone("\u{202a}+20\u{a0}100\u{2011}123\u{2011}4567\u{202c}")).send().await;
    assert_eq!(made.status, StatusCode::CREATED);
    for text in ["+201001234567", "00201001234567", "٠٠٢٠١٠٠١٢٣٤٥٦٧", "+۲۰۱۰۰۱۲۳۴۵۶۷", "+20 (0)100 123-4567"]
    {
        let signed_in = api.post("/v1/auth/login", &login(text, PASSWORD)).send().await;
        assert_eq!((signed_in.status, &signed_in.body["user"]), (StatusCode::OK, &made.body["user"]), "{text}");
        let again = api.post("/v1/auth/register", &by_phone(text)).send().await;
        assert_eq!(again.code(), (409, "account_exists"), "{text}");
    }
}

#[tokio::test]
async fn a_number_that_is_none_is_refused_by_field_with_the_reason() {
    let api = Api::new().await;
    for (text, why) in [
        ("01001234567", "with the country's code"),
        ("+14155550123 ext. 7", "with the country's code"),
        ("+1-800-FLOWERS", "with the country's code"),
        ("+20 100", "too short"),
        ("+1 415 555 01234", "too long"),
        ("+65 6123 45678", "as many digits as its country's have"),
        ("+999 1234 5678", "the code of a country"),
    ] {
        let refused = api.post("/v1/auth/register", &by_phone(text)).send().await;
        assert_eq!((refused.code(), refused.fields()), ((400, "bad_request"), vec!["phone"]), "{text}");
        assert!(refused.body.to_string().contains(why), "{text}: {}", refused.body);
        let asked = json!({"contact": text, "purpose": "register"});
        let refused = api.post("/v1/auth/codes", &asked).send().await;
        assert_eq!((refused.code(), refused.fields()), ((400, "bad_request"), vec!["contact"]), "{text}");
    }
    let refused = api.post("/v1/auth/login", &login("01001234567", PASSWORD)).send().await;
    assert_eq!((refused.code(), refused.fields()), ((400, "bad_request"), vec!["login"]));
}

#[tokio::test]
async fn whoever_registered_a_number_with_an_older_version_still_gets_in_by_it() {
    // With a trunk zero; too short for its country; of no country.
    for (stored, written) in
        [("+4402071838750", "+44 (0)20 7183 8750"), ("+15550123", "+1 555-0123"), ("+99912345678", "+99912345678")]
    {
        let api = Api::new().await;
        of_an_older_version(&api, stored).await;
        for text in [stored, written] {
            let signed_in = api.post("/v1/auth/login", &login(text, PASSWORD)).send().await;
            assert_eq!(signed_in.status, StatusCode::OK, "{text}");
        }
        let asked = json!({"contact": written, "purpose": "reset"});
        assert_eq!(api.post("/v1/auth/codes", &asked).send().await.status, StatusCode::ACCEPTED);
        let code = api.outbox.code(stored, 1).await;
        let reset = json!({"contact": written, "code": code, "password": "another long password"});
        assert_eq!(api.post("/v1/auth/password", &reset).send().await.status, StatusCode::NO_CONTENT);
        let signed_in = api.post("/v1/auth/login", &login(stored, "another long password")).send().await;
        assert_eq!(signed_in.status, StatusCode::OK, "{written}");
    }
}

#[tokio::test]
async fn nobody_takes_an_older_accounts_spelling_by_registering_the_number_anew() {
    let api = Api::new().await;
    of_an_older_version(&api, "+4402071838750").await;
    let mut other = by_phone("+442071838750");
    other["password"] = json!("the password of another");
    assert_eq!(api.post("/v1/auth/register", &other).send().await.status, StatusCode::CREATED);
    let old = api.post("/v1/auth/login", &login("+44 (0)20 7183 8750", PASSWORD)).send().await;
    assert_eq!(old.status, StatusCode::OK);
    let new = api.post("/v1/auth/login", &login("+44 20 7183 8750", "the password of another")).send().await;
    assert_eq!(new.status, StatusCode::OK);
    assert_ne!(old.body["user"]["id"], new.body["user"]["id"]);
}
