//! The operator's lists of words on a running server.

use std::time::Duration;

use parlor_protocol::envelope::EventFrame;
use parlor_protocol::{ErrorCode, Event};

use crate::support::time::until;
use crate::support::world::World;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_holds_for_running_rooms_soon_after_it_was_changed() {
    let mut world = World::serve().roomy().lease(1_000).set("PARLOR__ROOM__WORDS_MS", 100).await;
    let (owner, guest) = (world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let mut host = world.in_room(owner, room).await;
    let mut listener = world.in_room(guest, room).await;
    listener.chat(room, "darn").await.expect("there is no list");
    world
        .superuser(
            "insert into filtered_words (language, word, act) values ('en', 'darn', 'mask'), ('ar', 'احمق', 'refuse')",
        )
        .await;
    until("the list", SOON, async || {
        let refused = listener.chat(room, "يا أَحْمَق").await.err()?;
        assert_eq!(refused.code, ErrorCode::TextRefused);
        Some(())
    })
    .await;
    listener.chat(room, "Darn it").await.expect("masked");
    let masked = |event: &EventFrame| match &event.event {
        Event::ChatPosted { text, .. } if text.contains('*') => Some(text.clone()),
        _ => None,
    };
    assert_eq!(host.event_where("a masked line", masked).await, "**** it");
    world.superuser("update filtered_words set act = 'refuse' where word = 'darn'").await;
    until("the change", SOON, async || listener.chat(room, "darn").await.err()).await;

    // A room that wakes has the lists from its first line on.
    world.kill().await;
    world.start_again().await;
    let mut listener = world.in_room(guest, room).await;
    assert_eq!(listener.chat(room, "darn").await.expect_err("refused").code, ErrorCode::TextRefused);
    world.superuser("delete from filtered_words").await;
    until("the end of the lists", SOON, async || listener.chat(room, "darn").await.ok()).await;
}
