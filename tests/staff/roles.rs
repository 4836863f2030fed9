//! Roles: what they allow, and that nobody can extend their own rights.

use hyper::Method;
use parlor_protocol::UserId;
use serde_json::json;

use crate::support::program::{complaint, parlor, run};
use crate::support::world::World;

fn role_of(user: UserId, role: &str) -> String {
    format!("/v1/staff/users/{user}/roles/{role}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_is_taken_acts_at_once() {
    let world = World::new().await;
    let (_, admin) = world.entered("admin").await;
    let (moderator, token) = world.entered("moderator").await;
    assert_eq!(world.get("/v1/staff/users", &token).await.0, 200);
    assert_eq!(world.delete(&role_of(moderator, "moderator"), &admin).await, 204);
    let (status, answer) = world.get("/v1/staff/users", &token).await;
    assert_eq!((status, &answer["code"]), (403, &json!("forbidden")));
    assert_eq!(world.put(&role_of(moderator, "support"), &admin).await, 204);
    assert_eq!(world.get("/v1/staff/users", &token).await.0, 200);
    // The operator regroups permissions without code.
    let regroup = "delete from role_permissions where role = 'support' and permission = 'users.read'";
    sqlx::query(regroup).execute(&world.database.owner).await.expect("the owner may");
    assert_eq!(world.get("/v1/staff/users", &token).await.0, 403);
    sqlx::query(regroup).execute(&world.database.app).await.expect_err("the server may not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gives_or_takes_what_they_do_not_have() {
    let world = World::new().await;
    let (manager, token) = world.entered("manager").await;
    let (moderator, weak) = world.entered("moderator").await;
    let (admin, user) = (world.person("admin").await, world.person("user").await);
    let forbidden = [
        (Method::PUT, role_of(user, "admin"), &token),
        (Method::PUT, role_of(manager, "admin"), &token),
        (Method::PUT, role_of(manager, "support"), &token),
        (Method::DELETE, role_of(manager, "manager"), &token),
        (Method::DELETE, role_of(admin, "admin"), &token),
        (Method::PUT, role_of(admin, "support"), &token),
        (Method::PUT, role_of(user, "support"), &weak),
        (Method::PUT, role_of(moderator, "admin"), &weak),
    ];
    for (method, path, token) in forbidden {
        let (status, answer) = world.call(method.clone(), &path, token, None).await;
        assert_eq!((status, &answer["code"]), (403, &json!("forbidden")), "{method} {path}");
    }
    assert_eq!(world.put(&role_of(user, "moderator"), &token).await, 204);
    assert_eq!(world.put(&role_of(user, "moderator"), &token).await, 204, "once more changes nothing");
    assert_eq!(world.put(&role_of(user, "wizard"), &token).await, 404);
    assert_eq!(world.put(&role_of(user, "user"), &token).await, 400);
    let nobody = UserId::new(999_999_999).expect("in range");
    assert_eq!(world.put(&role_of(nobody, "support"), &token).await, 404);
    assert_eq!(world.delete(&role_of(user, "moderator"), &token).await, 204);
    let given: i64 =
        sqlx::query_scalar("select count(*) from user_roles").fetch_one(&world.database.app).await.unwrap();
    assert_eq!(given, 3, "manager, moderator, admin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_acts_on_one_who_may_do_what_they_may_not() {
    let world = World::new().await;
    let (manager, token) = world.entered("manager").await;
    let (moderator, weak) = world.entered("moderator").await;
    let admin = world.person("admin").await;
    let room = world.room(admin).await;
    let _inside = world.in_room(admin, room).await;
    for (user, token) in [(admin, &token), (admin, &weak), (manager, &weak), (manager, &token), (moderator, &weak)] {
        assert_eq!(world.suspend(user, token).await, 403, "{user}");
        assert_eq!(world.delete(&format!("/v1/staff/users/{user}/suspension"), token).await, 403, "{user}");
        assert_eq!(world.delete(&format!("/v1/staff/users/{user}/sessions"), token).await, 403, "{user}");
    }
    let kick = json!({"user": admin, "reason": "spam"});
    assert_eq!(world.post(&format!("/v1/staff/rooms/{room}/kicks"), &token, kick).await.0, 403);
    assert_eq!(world.suspend(moderator, &token).await, 200, "a manager may do all that a moderator may");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_admin_stays() {
    let world = World::new().await;
    let (one, first) = world.entered("admin").await;
    let (other, second) = world.entered("admin").await;
    // Each may suspend the other, but not both: whoever comes second is suspended already.
    let (a, b) = tokio::join!(world.suspend(other, &first), world.suspend(one, &second));
    assert!((a == 200) != (b == 200), "{a} {b}");
    let (left, token, out) = if a == 200 { (one, first, other) } else { (other, second, one) };
    assert_eq!(world.delete(&role_of(left, "admin"), &token).await, 403, "nobody does it to themselves");
    let refused =
        run(parlor(&["admin", "revoke", &left.to_string(), "admin"]).env("DATABASE_URL", world.database.app_url()));
    assert!(
        !refused.status.success() && complaint(&refused).contains("the last admin cannot be suspended"),
        "{}",
        complaint(&refused)
    );
    // A role with every permission of an admin's may as little put the last one out.
    let twin = world.person("user").await;
    for statement in [
        "insert into roles values ('twin', 'As an admin.')",
        "insert into role_permissions select 'twin', permission from role_permissions where role = 'admin'",
    ] {
        sqlx::query(statement).execute(&world.database.owner).await.expect("the operator may");
    }
    world.give(twin, "twin").await;
    let twins = world.token(twin).await;
    assert_eq!(world.suspend(left, &twins).await, 403);
    assert_eq!(world.delete(&role_of(left, "admin"), &twins).await, 403);
    assert_eq!(world.delete(&role_of(out, "admin"), &token).await, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_knows_other_permissions_than_the_table_does_not_start() {
    let mut world = World::new().await;
    let mut command = parlor(&["serve"]);
    command.env("DATABASE_URL", world.database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
    command.env("PARLOR__CLUSTER__LEASE_MS", "1000").env("PARLOR__CLUSTER__RENEW_MS", "250");
    world.kill().await;
    for change in
        ["insert into permissions values ('users.delete', 'x')", "delete from permissions where name = 'audit.read'"]
    {
        sqlx::query(change).execute(&world.database.owner).await.expect("the owner may");
        let ended = tokio::task::block_in_place(|| run(&mut command));
        assert!(!ended.status.success() && complaint(&ended).contains("permissions"), "{}", complaint(&ended));
    }
}
