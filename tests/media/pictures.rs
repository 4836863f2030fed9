//! Pictures that are none, too large, or say more than they show: refused, or stored clean, in both kinds of stores.

use std::io::Cursor;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use image::{DynamicImage, GenericImageView as _, ImageFormat, Rgb, RgbImage};
use parlor_protocol::{Event, UserFrame};
use serde_json::json;
use uuid::Uuid;

use super::object_store::ObjectStore;
use super::person::{PNG, Person};
use crate::support::client::Client;
use crate::support::time::{moment, until};
use crate::support::world::World;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("pictures-{}", Uuid::now_v7().simple()))
}

/// Done on a thread of its own: the coders are not optimised in a test, and need much of a stack.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|threads| threads.spawn(work).join()).expect("it does not panic")
}

/// The size of a picture, and the format that it is in.
fn seen(bytes: &[u8]) -> ((u32, u32), ImageFormat) {
    let format = image::guess_format(bytes).expect("a picture");
    (apart(|| image::load_from_memory(bytes).expect("a picture").dimensions()), format)
}

fn written(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    apart(|| encoded(width, height, format))
}

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb([(x / 7) as u8, (y / 5) as u8, 90]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, format).expect("it can be written");
    bytes.into_inner()
}

/// A JPEG that says where it was taken.
fn with_place() -> Vec<u8> {
    let mut jpeg = written(40, 30, ImageFormat::Jpeg);
    let exif = b"\xff\xe1\0\x2eExif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0GPS 30.0444N";
    jpeg.splice(2..2, exif.iter().copied());
    jpeg
}

/// A header of 60,000 by 60,000 pixels, with much behind it that unfolds to nothing but black.
fn bomb() -> Vec<u8> {
    let mut png = PNG.to_vec();
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    png.extend([0; 437_000]);
    png
}

/// The checksum of a chunk (PNG, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

async fn refused_or_clean(server: &World) {
    let layla = Person::new(server, "layla").await;
    let page = [&PNG[..8], b"<html><script>alert(1)</script></html>"].concat();
    let webp = written(40, 30, ImageFormat::WebP);
    for purpose in ["avatar", "room_logo", "room_background", "proof"] {
        for (content_type, bytes) in [
            ("image/png", &PNG[..8]),
            ("image/png", &page[..]),
            ("image/png", &bomb()[..]),
            ("image/png", &PNG[..PNG.len() - 20]),
            ("image/jpeg", &b"\xff\xd8\xff\xe0\0\x10JFIF\0"[..]),
            ("image/webp", &webp[..webp.len() / 3]),
        ] {
            let answer = layla.offered(purpose, content_type, bytes).await;
            assert_eq!(answer, Err("upload_refused".to_owned()), "{purpose} {content_type}, {} bytes", bytes.len());
        }
        let clean = layla.offered(purpose, "image/jpeg", &with_place()).await.expect("a picture");
        assert_eq!(seen(&clean).0, (30, 40), "turned as it said");
        let says = |word: &[u8]| clean.windows(word.len()).any(|part| part == word);
        assert!(!says(b"GPS") && !says(b"Exif"), "{purpose}");
        let and_more = [PNG, b"<script>alert(1)</script>"].concat();
        let clean = layla.offered(purpose, "image/png", &and_more).await.expect("a picture");
        assert!(!clean.windows(6).any(|part| part == b"script"), "{purpose}");
    }
    let shown = layla.offered("avatar", "image/webp", &webp).await.expect("a picture");
    assert_eq!(seen(&shown), ((40, 30), ImageFormat::Jpeg));
    let shown =
        layla.offered("avatar", "image/jpeg", &written(1_600, 900, ImageFormat::Jpeg)).await.expect("a picture");
    assert_eq!(seen(&shown).0, (1_024, 576));
    assert!(!server.program.said().contains("ERROR"), "{}", server.program.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder_pictures_are_refused_or_stored_clean() {
    let folder = folder();
    let server = World::serve().roomy().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    refused_or_clean(&server).await;
    std::fs::remove_dir_all(&folder).expect("it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_object_store_pictures_are_refused_or_stored_clean() {
    let store = ObjectStore::start().await;
    let server = World::serve()
        .roomy()
        .set_all(store.settings())
        .set("PARLOR__MEDIA__PUBLIC_URL", format!("http://{}/none", store.address))
        .await;
    let layla = Person::new(&server, "layla").await;
    let begun = layla.begin("avatar", "image/jpeg", with_place().len()).await;
    assert_eq!(layla.send(&begun, &with_place()).await, 200);
    assert_eq!(layla.complete(&begun).await.0, 200);
    let begun = layla.begin("avatar", "image/png", bomb().len()).await;
    assert_eq!(layla.send(&begun, &bomb()).await, 200);
    assert_eq!(layla.complete(&begun).await.0, 422);
    // A proof is read by an address that the server signs, so its content is seen here too.
    let clean = layla.offered("proof", "image/jpeg", &with_place()).await.expect("a picture");
    assert_eq!(seen(&clean).0, (30, 40));
    assert!(!clean.windows(3).any(|part| part == b"GPS"));
    assert_eq!(store.keys("public").len(), 1);
}

/// The bytes of memory that a process holds beside its program.
fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("it says so");
    line.trim_end_matches("kB").trim().parse::<u64>().expect("a number") * 1_024
}

/// The memory of decoding is bounded, and comes back.
#[tokio::test(flavor = "multi_thread")]
async fn many_large_pictures_at_once_take_a_bounded_memory_and_give_it_back() {
    const MIB: u64 = 1 << 20;
    let folder = folder();
    let server = World::serve()
        .roomy()
        .set("PARLOR__MEDIA__FOLDER", folder.display())
        .set("PARLOR__MEDIA__PICTURE_MEMORY_BYTES", 32 * MIB)
        .set("PARLOR__MEDIA__CHECKS", 16)
        .await;
    let layla = Person::new(&server, "layla").await;
    // 18 MB each when decoded, and a few kilobytes as files.
    let picture = written(3_000, 2_000, ImageFormat::Png);
    let begun = join_all((0..8).map(|_| layla.begin("avatar", "image/png", picture.len()))).await;
    for begun in &begun {
        assert_eq!(layla.send(begun, &picture).await, 200);
    }
    let resident = || resident_bytes(server.program.pid());
    let before = resident();
    let mut most = before;
    let all = join_all(begun.iter().map(|begun| layla.complete(begun)));
    tokio::pin!(all);
    let answers = loop {
        tokio::select! {
            answers = &mut all => break answers,
            () = moment(1..4) => most = most.max(resident()),
        }
    };
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert!(most < before + 64 * MIB, "at most {} MiB beside the {} before", (most - before) / MIB, before / MIB);
    until("the memory is back", Duration::from_secs(10), async || (resident() < before + 12 * MIB).then_some(())).await;
    std::fs::remove_dir_all(&folder).expect("it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_picture_is_told_to_the_room_and_to_other_devices() {
    let folder = folder();
    let server = World::serve().roomy().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    let layla = Person::new(&server, "layla").await;
    let id = parlor_protocol::UserId::new(layla.id).expect("in range");
    let room = server.room(id).await;
    let mut inside = server.in_room(id, room).await;
    let (omar, _) = server.entered("user").await;
    let mut other = server.in_room(omar, room).await;
    let mut tablet = Client::connected(server.address, &server.token(id).await, "tablet").await;
    let upload = layla.upload("avatar", "image/png", PNG).await;
    assert_eq!(layla.put("/v1/me/avatar", json!({"upload": upload["id"]})).await.0, 200);
    let picture = |frame: &parlor_protocol::envelope::EventFrame| match &frame.event {
        Event::PersonChanged { person } if person.id == id => Some(person.picture),
        _ => None,
    };
    let worn = other.event_where("a picture", picture).await.expect("she has one now");
    assert_eq!(inside.event_where("a picture", picture).await, Some(worn));
    let UserFrame::PersonChanged { person } = tablet.user_frame().await else { panic!("another picture") };
    assert_eq!(person.picture, Some(worn));
    let (_, card) = layla.call(hyper::Method::GET, &format!("/v1/rooms/{room}"), None).await;
    assert_eq!(card["owner"]["picture"], worn);

    assert_eq!(layla.call(hyper::Method::DELETE, "/v1/me/avatar", None).await.0, 204);
    assert_eq!(other.event_where("no picture", picture).await, None);
    let (_, card) = layla.call(hyper::Method::GET, &format!("/v1/rooms/{room}"), None).await;
    assert_eq!(card["owner"].get("picture"), None);
    std::fs::remove_dir_all(&folder).expect("it is there");
}

/// Names below `/media/` that are no files: the row of F3, and more of its kind.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_is_not_found_and_no_fault() {
    let folder = folder();
    let server = World::serve().roomy().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    let layla = Person::new(&server, "layla").await;
    let avatar = layla.upload("avatar", "image/png", PNG).await;
    let file = avatar["address"].as_str().expect("an address").to_owned();
    assert_eq!(layla.read(&file).await.status(), 200);
    let long = "a".repeat(300);
    let deep = "a/".repeat(120);
    for path in [
        "public",
        "public/",
        "public/avatar",
        "public/avatar/",
        "public//avatar",
        "public/avatar/.",
        "public/avatar/..",
        "public/.hidden",
        "public/%2e%2e/%2e%2e/etc/passwd",
        "public/..%2f..%2fetc%2fpasswd",
        "public/%00",
        "public/a%00b",
        "public/%ff",
        "public/%",
        "public/%zz",
        "public/a%5cb",
        "public/a%0ab",
        "public/%e2%80%ae",
        "public/avatar%2f",
        &format!("public/{long}"),
        &format!("public/avatar/{long}.png"),
        &format!("public/{deep}x"),
        &format!("{}/x", file.trim_start_matches("/media/")),
        &format!("{}%00", file.trim_start_matches("/media/")),
    ] {
        let status = layla.read(&format!("/media/{path}")).await.status().as_u16();
        assert!(status == 404, "{path}: {status}");
    }
    for path in ["", "private", "private/proof/", "incoming", "incoming/x"] {
        let status = layla.read(&format!("/media/{path}")).await.status().as_u16();
        assert!([403, 404].contains(&status), "{path}: {status}");
    }
    assert!(!server.program.said().contains("ERROR"), "{}", server.program.said());
    std::fs::remove_dir_all(&folder).expect("it is there");
}
