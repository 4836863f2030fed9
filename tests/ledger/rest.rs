//! Coins over REST: requesting, approving and sending them, and their entries in the wallet.

use hyper::Method;
use parlor_protocol::UserId;
use serde_json::json;

use crate::support::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coins_are_asked_for_approved_and_sent() {
    let world = World::new().await;
    let login = json!({"login": "demo1@parlor.example", "password": "parlor-demo", "device": "test"});
    let (status, welcome) = world.post("/v1/auth/login", "", login).await;
    assert_eq!(status, 200, "{welcome}");
    let seller = welcome["access_token"].as_str().expect("a token");
    let reseller = welcome["user"]["id"].as_i64().and_then(UserId::new).expect("an id");
    world.give(reseller, "reseller").await;
    let (user, asker) = world.entered("user").await;

    let asked = json!({"reseller": reseller, "amount": 700});
    let (status, mut made) = world.post("/v1/coin-requests", &asker, asked).await;
    assert_eq!((status, &made["state"]), (201, &json!("pending")), "{made}");
    assert_eq!(made["replayed"].take(), json!(false));
    made.as_object_mut().expect("an object").remove("replayed");
    let (status, page) = world.get("/v1/coin-requests?side=reseller&state=pending", seller).await;
    assert_eq!((status, &page["items"]), (200, &json!([made])), "{page}");
    let path = format!("/v1/coin-requests/{}", made["id"]);
    let (status, paid) = world.post(&format!("{path}/approval"), seller, json!({})).await;
    assert_eq!((status, &paid["amount"], &paid["request"]), (200, &json!(700), &made["id"]), "{paid}");
    let (status, again) = world.post(&format!("{path}/approval"), seller, json!({})).await;
    assert_eq!((status, &again["code"]), (409, &json!("coin_request_settled")), "{again}");
    let (_, found) = world.get(&path, &asker).await;
    assert_eq!((&found["state"], &found["receipt"]), (&json!("approved"), &paid["receipt"]), "{found}");

    let asked = json!({"reseller": reseller, "amount": 100});
    let (_, made) = world.post("/v1/coin-requests", &asker, asked).await;
    let path = format!("/v1/coin-requests/{}/rejection", made["id"]);
    let (status, rejected) = world.call(Method::POST, &path, seller, None).await;
    assert_eq!(
        (status, &rejected["state"]),
        (200, &json!("rejected")),
        "without a reason there is no body: {rejected}"
    );

    let (status, sent) = world.post("/v1/wallet/transfers", seller, json!({"to": user, "amount": 50})).await;
    assert_eq!((status, &sent["amount"], &sent["to"]), (200, &json!(50), &json!(user)), "{sent}");
    let (status, new) = world.post("/v1/wallet/transfers", &asker, json!({"to": reseller, "amount": 50})).await;
    assert_eq!((status, &new["code"]), (409, &json!("transfer_not_yet")), "{new}");

    let (_, wallet) = world.get("/v1/wallet", &asker).await;
    assert_eq!(wallet["balances"][0]["amount"], 750, "{wallet}");
    let (_, entries) = world.get("/v1/wallet/entries", &asker).await;
    let shown = |place: usize| (&entries["items"][place]["kind"], &entries["items"][place]["amount"]);
    assert_eq!(shown(0), (&json!("coin_transfer"), &json!(50)), "{entries}");
    assert_eq!(shown(1), (&json!("coin_request"), &json!(700)), "{entries}");
    assert_eq!(entries["items"][0]["coin_transfer"]["from"], json!(reseller), "{entries}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_is_taken_back_by_who_may_with_a_line_in_the_log() {
    let world = World::new().await;
    let (admin, token) = world.entered("admin").await;
    let (_, manager) = world.entered("manager").await;
    let (user, entered) = world.entered("user").await;
    let login = json!({"login": "demo1@parlor.example", "password": "parlor-demo", "device": "test"});
    let (_, welcome) = world.post("/v1/auth/login", "", login).await;
    let (sender, seller) = (&welcome["user"]["id"], welcome["access_token"].as_str().expect("a token"));
    world.give(sender.as_i64().and_then(UserId::new).expect("an id"), "reseller").await;
    let (_, sent) = world.post("/v1/wallet/transfers", seller, json!({"to": user, "amount": 50})).await;
    let transfer = sent["receipt"].as_i64().expect("a receipt");
    let path = format!("/v1/staff/transfers/{transfer}/reversal");
    let reason = json!({"reason": "a mistake"});
    assert_eq!(world.post(&path, &manager, reason.clone()).await.0, 403);
    assert_eq!(world.post(&path, &token, json!({"reason": " "})).await.0, 400);
    let (status, back) = world.post(&path, &token, reason.clone()).await;
    assert_eq!((status, &back["reverses"], &back["replayed"]), (200, &json!(transfer), &json!(false)), "{back}");
    let (status, again) = world.post(&path, &token, reason.clone()).await;
    assert_eq!((status, &again["code"]), (409, &json!("transfer_reversed")), "{again}");
    let (status, none) = world.post("/v1/staff/transfers/999999999999/reversal", &token, reason).await;
    assert_eq!((status, &none["code"]), (404, &json!("transfer_not_found")), "{none}");
    let (_, entries) = world.get("/v1/wallet/entries", &entered).await;
    let entry = &entries["items"][0];
    assert_eq!((&entry["kind"], &entry["reversal"]), (&json!("reversal"), &json!({"transfer": transfer})), "{entries}");
    let (_, acts) = world.get("/v1/staff/audit", &token).await;
    let act = &acts["items"][0];
    assert_eq!(
        (&act["act"], &act["actor"], &act["reason"]),
        (&json!("transfer.reversed"), &json!(admin), &json!("a mistake"))
    );
    assert_eq!(act["detail"], json!({"transfer": transfer, "reversal": back["receipt"]}));
}
