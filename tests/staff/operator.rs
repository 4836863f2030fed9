//! `parlor admin …`: the operator makes the first admin, whose password nobody else knows.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::support::program::{complaint, parlor, run};
use crate::support::world::World;

fn typed(world: &World, arguments: &[&str]) -> Command {
    let mut command = parlor(&[&["admin"], arguments].concat());
    command.env("DATABASE_URL", world.database.app_url());
    command
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", complaint(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// Runs a command with this text on standard input.
fn answered(command: &mut Command, line: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    writeln!(child.stdin.take().expect("it is piped"), "{line}").expect("it reads");
    child.wait_with_output().expect("it ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_makes_the_first_admin_with_a_password_of_their_own() {
    let world = World::new().await;
    let create = ["create", "--email", "Root@example.com", "--phone", "+1 415 555 0123", "--name", "Root"];
    let output = said(&run(&mut typed(&world, &create)));
    let password = output.lines().find_map(|line| line.strip_prefix("password: ")).expect("it is printed once");
    let login = json!({"login": "root@example.com", "password": password, "device": "x"});
    let (status, welcome) = world.post("/v1/auth/login", "", login).await;
    assert_eq!(status, 200, "{welcome}");
    let token = welcome["access_token"].as_str().expect("a token");
    let (_, log) = world.get("/v1/staff/audit", token).await;
    let acts: Vec<_> = log["items"].as_array().expect("items").iter().map(|act| (&act["act"], &act["actor"])).collect();
    assert_eq!(acts, [(&json!("role.granted"), &json!(null)), (&json!("account.created"), &json!(null))]);
    assert_eq!(world.get("/v1/wallet", token).await.0, 200);

    let again = run(&mut typed(&world, &create));
    assert!(complaint(&again).contains("parlor admin grant"), "{}", complaint(&again));
    let second = ["create", "--email", "second@example.com", "--name", "Second"];
    let weak = answered(&mut typed(&world, &second), "password1");
    assert!(!weak.status.success() && complaint(&weak).contains("password"), "{}", complaint(&weak));
    let output = said(&answered(&mut typed(&world, &second), "a secret of mine"));
    assert!(!output.contains("password") && !output.contains("secret"), "{output}");
    let login = json!({"login": "second@example.com", "password": "a secret of mine", "device": "x"});
    assert_eq!(world.post("/v1/auth/login", "", login).await.0, 200);
    let nameless = run(&mut typed(&world, &["create", "--name", "Nobody"]));
    assert!(!nameless.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_are_given_and_taken_by_command() {
    let world = World::new().await;
    let (user, token) = world.entered("user").await;
    let address = format!("user{user}@example.com");
    assert!(said(&run(&mut typed(&world, &["grant", &address, "support"]))).contains("support"));
    assert_eq!(world.get("/v1/staff/users", &token).await.0, 200);
    said(&run(&mut typed(&world, &["revoke", &user.to_string(), "support"])));
    assert_eq!(world.get("/v1/staff/users", &token).await.0, 403);
    for (arguments, words) in [
        (["grant", "999999999", "support"], "no such user"),
        (["grant", &address, "wizard"], "no such role"),
        (["grant", &address, "user"], "every user has the role"),
        (["grant", "somebody", "support"], "an id"),
    ] {
        let refused = run(&mut typed(&world, &arguments));
        assert!(!refused.status.success() && complaint(&refused).contains(words), "{}", complaint(&refused));
    }
}
