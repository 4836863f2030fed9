//! E-mail and SMS as an SMTP server and an HTTP endpoint receive them over real sockets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use parlor::courier::{Failure, Mail, MailSettings, Message, Sender, SmsSettings, Tls, Webhook};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::now;

const SECRET: &str = "0123456789abcdef";
/// The id of a message.
const ID: Uuid = Uuid::from_u128(7);

fn message(to: &str) -> Message {
    Message {
        to: to.to_owned(),
        subject: "Your code".to_owned(),
        text: "428193 is your code.\nNobody asks you for it.".to_owned(),
    }
}

/// A mail server that accepts everything, but answers `RCPT` with `rcpt`. Returns its port and the lines that it
/// received.
async fn smtp(rcpt: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a client");
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut in_data = false;
        write.write_all(b"220 mail.test ESMTP\r\n").await.expect("sent");
        while let Ok(Some(line)) = lines.next_line().await {
            hears.lock().expect("nobody panicked").push(line.clone());
            let answer = match line.split(' ').next().unwrap_or_default() {
                "." if in_data => {
                    in_data = false;
                    "250 queued"
                }
                _ if in_data => continue,
                "EHLO" => "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN",
                "AUTH" => "235 welcome",
                "RCPT" => rcpt,
                "DATA" => {
                    in_data = true;
                    "354 go on"
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.expect("sent");
        }
    });
    (port, heard)
}

fn mail(port: u16) -> Mail {
    let settings = MailSettings {
        host: Some("127.0.0.1".to_owned()),
        port: Some(port),
        tls: Tls::Off,
        user: Some("parlor".to_owned()),
        password: Some("hunter2".to_owned().into()),
        from: Some("Parlor <no-reply@example.com>".to_owned()),
        ..MailSettings::default()
    };
    Mail::new(&settings).expect("it can work").expect("there is a server")
}

#[tokio::test]
async fn a_mail_server_gets_the_whole_message() {
    let (port, heard) = smtp("250 ok").await;
    mail(port).send(ID, &message("layla@example.com")).await.expect("sent");
    let heard = heard.lock().expect("nobody panicked").join("\n");
    for line in [
        "AUTH PLAIN AHBhcmxvcgBodW50ZXIy",
        "MAIL FROM:<no-reply@example.com>",
        "RCPT TO:<layla@example.com>",
        "From: Parlor <no-reply@example.com>",
        "To: layla@example.com",
        "Subject: Your code",
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain; charset=utf-8",
        "Message-ID: <00000000-0000-0000-0000-000000000007@example.com>",
        "Date: ",
        "428193 is your code.",
    ] {
        assert!(heard.contains(line), "{line} is missing in {heard}");
    }
}

#[tokio::test]
async fn a_refusal_of_a_mail_server_is_reported_by_its_code_without_its_text() {
    let (port, _) = smtp("550 <layla@example.com> lives here no more").await;
    let refused = mail(port).send(ID, &message("layla@example.com")).await.expect_err("refused");
    assert!(matches!(&refused, Failure::Final(why) if why.contains("550")), "{refused:?}");
    let (port, _) = smtp("451 <layla@example.com> try later").await;
    let later = mail(port).send(ID, &message("layla@example.com")).await.expect_err("refused");
    assert!(matches!(&later, Failure::Passing(why) if why.contains("451")), "{later:?}");
    assert!(!format!("{refused:?}{later:?}").contains("layla"));
}

#[tokio::test]
async fn a_mail_server_without_tls_learns_nothing_if_tls_is_required() {
    let (port, heard) = smtp("250 ok").await;
    let settings = MailSettings {
        host: Some("127.0.0.1".to_owned()),
        port: Some(port),
        from: Some("no-reply@example.com".to_owned()),
        ..MailSettings::default()
    };
    let mail = Mail::new(&settings).expect("it can work").expect("there is a server");
    mail.send(ID, &message("layla@example.com")).await.expect_err("no STARTTLS there");
    assert!(!heard.lock().expect("nobody panicked").join("\n").contains("layla"));
}

/// What a message fails with that is sent to a mail server on this port.
async fn failure(host: &str, port: u16, tls: Tls) -> String {
    let settings = MailSettings {
        host: Some(host.to_owned()),
        port: Some(port),
        tls,
        from: Some("no-reply@example.com".to_owned()),
        timeout_ms: 500,
        ..MailSettings::default()
    };
    let mail = Mail::new(&settings).expect("it can work").expect("there is a server");
    let message = message("layla@example.com");
    let sending = mail.send(ID, &message);
    let sent = tokio::time::timeout(Duration::from_secs(10), sending).await.expect("it has a time of its own");
    let failure = sent.expect_err("nobody takes it");
    let Failure::Passing(why) = failure else { panic!("it may pass: {failure:?}") };
    assert!(!why.contains("layla") && !why.contains(&port.to_string()) && !why.contains("nowhere"), "{why}");
    why
}

/// A port whose connections are greeted with these bytes, and left open without another word.
async fn port_that_says(greeting: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            socket.write_all(greeting).await.expect("sent");
            open.push(socket);
        }
    });
    port
}

#[tokio::test]
async fn an_e_mail_that_is_not_sent_says_what_was_in_the_way() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let silent = port_that_says(b"").await;
    let greets = port_that_says(b"220 mail.test ESMTP\r\n").await;
    let web = port_that_says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let closed = port_that_says(b"554 <layla@example.com> is not welcome\r\n").await;
    for (host, port, tls, words) in [
        ("127.0.0.1", nobody, Tls::Off, "the mail server refused the connection: nothing listens on that port"),
        ("nowhere.invalid", 25, Tls::Off, "the mail server has a name that could not be resolved"),
        ("127.0.0.1", silent, Tls::Off, "the mail server took the connection and did not answer in time"),
        ("127.0.0.1", silent, Tls::Tls, "the mail server took the connection and did not answer in time"),
        ("127.0.0.1", greets, Tls::Off, "the mail server took the connection and did not answer in time"),
        ("127.0.0.1", web, Tls::Off, "what answers on that port is no mail server"),
        ("127.0.0.1", closed, Tls::Starttls, "the mail server answered 554"),
        (
            "127.0.0.1",
            greets,
            Tls::Tls,
            "the mail server does not speak TLS as it should: the port or the encryption may be another",
        ),
    ] {
        assert_eq!(failure(host, port, tls).await, words, "{host} {tls:?}");
    }
    let (port, _) = smtp("250 ok").await;
    assert_eq!(failure("127.0.0.1", port, Tls::Starttls).await, "the mail server does not offer STARTTLS");
}

/// An endpoint that answers one request with `answer`. Returns its address and a task that gives the request.
async fn endpoint(answer: &'static str) -> (String, tokio::task::JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/sms", listener.local_addr().expect("an address"));
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let mut bytes = Vec::new();
        loop {
            let mut buffer = [0; 4_096];
            let read = socket.read(&mut buffer).await.expect("bytes");
            bytes.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8(bytes.clone()).expect("UTF-8");
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            if body.len() == length.parse::<usize>().expect("a number") {
                socket.write_all(answer.as_bytes()).await.expect("sent");
                return (head.to_owned(), body.to_owned());
            }
        }
    });
    (url, heard)
}

fn webhook(url: String) -> Webhook {
    let secret = Some(SECRET.to_owned().into());
    let settings = SmsSettings { webhook_url: Some(url.into()), webhook_secret: secret, timeout_ms: 5_000 };
    Webhook::new(&settings).expect("it can work").expect("there is an endpoint")
}

#[tokio::test]
async fn an_sms_is_posted_with_a_signature_over_time_and_body() {
    let (url, heard) = endpoint("HTTP/1.1 204 No Content\r\n\r\n").await;
    webhook(url).send(ID, &message("+14155550123")).await.expect("sent");
    let (head, body) = heard.await.expect("a request");
    assert!(head.starts_with("POST /sms HTTP/1.1"), "{head}");
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    assert_eq!(header("idempotency-key: "), ID.to_string());
    let timestamp: i64 = header("x-parlor-timestamp: ").parse().expect("a number");
    assert!((now().0 / 1_000 - timestamp).abs() < 60);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("{timestamp}.{body}").as_bytes());
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(header("x-parlor-signature: v1="), expected);
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["to"], "+14155550123");
    assert!(body["text"].as_str().is_some_and(|text| text.starts_with("428193")));
}

#[tokio::test]
async fn a_failing_webhook_is_tried_again_but_not_one_that_refuses_or_redirects() {
    for (answer, passing) in [
        ("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n", false),
        ("HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", false),
    ] {
        let (url, _heard) = endpoint(answer).await;
        let failed = webhook(url).send(ID, &message("+14155550123")).await.expect_err("no success");
        assert_eq!(matches!(failed, Failure::Passing(_)), passing, "{failed:?}");
    }
}

#[tokio::test]
async fn an_sms_that_is_not_posted_says_what_was_in_the_way() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let (silent, plain) = (port_that_says(b"").await, port_that_says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
    for (url, words) in [
        (format!("http://127.0.0.1:{nobody}/"), "refused the connection: nothing listens on that port"),
        ("http://nowhere.invalid/".to_owned(), "has a name that could not be resolved"),
        (format!("http://127.0.0.1:{silent}/"), "did not answer in time"),
        (
            format!("https://127.0.0.1:{plain}/"),
            "does not speak TLS as it should: the port or the encryption may be another",
        ),
    ] {
        let secret = Some(SECRET.to_owned().into());
        let settings = SmsSettings { webhook_url: Some(url.into()), webhook_secret: secret, timeout_ms: 500 };
        let webhook = Webhook::new(&settings).expect("it can work").expect("there is an endpoint");
        let failed = webhook.send(ID, &message("+14155550123")).await.expect_err("nobody takes it");
        assert_eq!(failed, Failure::Passing(format!("the webhook {words}")));
    }
}
