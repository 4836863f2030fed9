//! The matrix of the operations of the API.

use std::collections::{HashMap, HashSet};

use hyper::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Asker, KINDS, Scene, cell, filled};
use crate::support::client::Client;

/// The operation, the address with its placeholders, the body, and a cell for each kind: anonymous, user, suspended,
/// reseller, support, moderator, manager, admin. `{guest}` has just joined `{guest_room}`.
#[rustfmt::skip]
pub const LINES: &[(&str, &str, &str, &str)] = &[
    ("register",            "/v1/auth/register",                                REGISTER,           "........"),
    ("login",               "/v1/auth/login",                                   LOGIN,              "........"),
    ("logout",              "/v1/auth/logout",                                  "",                 "1.3....."),
    ("refresh_session",     "/v1/auth/refresh",                                 REFRESH,            "........"),
    ("refresh_session",     "/v1/auth/refresh",                                 SPENT,              "11111111"),
    ("list_sessions",       "/v1/me/sessions",                                  "",                 "1.3....."),
    ("end_other_sessions",  "/v1/me/sessions",                                  "",                 "1.3....."),
    ("end_session",         "/v1/me/sessions/{own_session}",                    "",                 "1.3....."),
    ("end_session",         "/v1/me/sessions/{user_session}",                   "",                 "14344444"),
    ("read_me",             "/v1/me",                                           "",                 "1.3....."),
    ("change_me",           "/v1/me",                                           r#"{"bio":"m"}"#,   "1.3....."),
    ("change_signature",    "/v1/me/signature",                                 "{}",               "1.3....."),
    ("find_users",          "/v1/users?q=user",                                 "",                 "1.3....."),
    ("read_profile",        "/v1/users/{self}",                                 "",                 "1.3....."),
    ("read_profile",        "/v1/users/{user}",                                 "",                 "1.3....."),
    ("send_code",           "/v1/auth/codes",                                   SEND_CODE,          "........"),
    // The code and the password are wrong for everybody.
    ("reset_password",      "/v1/auth/password",                                RESET,              "33333333"),
    ("change_password",     "/v1/me/password",                                  PASSWORDS,          "11311111"),
    ("send_contact_code",   "/v1/me/contacts/codes",                            CONTACT,            "1.3....."),
    ("confirm_contact",     "/v1/me/contacts",                                  PROOF,              "11311111"),
    ("list_rooms",          "/v1/rooms",                                        "",                 "1.3....."),
    ("create_room",         "/v1/rooms",                                        r#"{"name":"m"}"#,  "1.3....."),
    ("list_own_rooms",      "/v1/me/rooms",                                     "",                 "1.3....."),
    ("list_followed_rooms", "/v1/me/rooms/followed",                            "",                 "1.3....."),
    ("list_recent_rooms",   "/v1/me/rooms/recent",                              "",                 "1.3....."),
    ("list_admin_rooms",    "/v1/me/rooms/admin",                               "",                 "1.3....."),
    ("follow_room",         "/v1/rooms/{own_room}/follow",                      "",                 "1.3....."),
    ("follow_room",         "/v1/rooms/{other_room}/follow",                    "",                 "1.3....."),
    ("unfollow_room",       "/v1/rooms/{own_room}/follow",                      "",                 "1.3....."),
    ("unfollow_room",       "/v1/rooms/{other_room}/follow",                    "",                 "1.3....."),
    ("find_room",           "/v1/rooms/{own_room}",                             "",                 "1.3....."),
    ("find_room",           "/v1/rooms/{other_room}",                           "",                 "1.3....."),
    ("list_own_room_days",  "/v1/rooms/{own_room}/days",                        "",                 "1.3....."),
    ("list_own_room_days",  "/v1/rooms/{other_room}/days",                      "",                 "13333333"),
    ("list_room_themes",    "/v1/room-themes",                                  "",                 "........"),
    ("change_room",         "/v1/rooms/{own_room}",                             r#"{"version":1}"#, "1.3....."),
    ("change_room",         "/v1/rooms/{other_room}",                           r#"{"version":1}"#, "1o3ooooo"),
    ("set_room_privacy",    "/v1/rooms/{own_room}/privacy",                     PRIVACY,            "1.3....."),
    ("set_room_privacy",    "/v1/rooms/{other_room}/privacy",                   PRIVACY,            "1o3ooooo"),
    ("close_room",          "/v1/rooms/{own_room}/closing",                     "{}",               "1.3....."),
    ("close_room",          "/v1/rooms/{other_room}/closing",                   "{}",               "1o3ooooo"),
    ("open_room",           "/v1/rooms/{own_room}/closing",                     "",                 "1.3....."),
    ("open_room",           "/v1/rooms/{other_room}/closing",                   "",                 "1o3ooooo"),
    ("list_room_guests",    "/v1/rooms/{own_room}/guests",                      "",                 "1.3....."),
    ("list_room_guests",    "/v1/rooms/{other_room}/guests",                    "",                 "13333333"),
    ("invite_room_guest",   "/v1/rooms/{own_room}/guests/{user}",               "",                 "1.3....."),
    ("invite_room_guest",   "/v1/rooms/{other_room}/guests/{user}",             "",                 "13333333"),
    ("remove_room_guest",   "/v1/rooms/{own_room}/guests/{user}",               "",                 "1.3....."),
    ("remove_room_guest",   "/v1/rooms/{other_room}/guests/{user}",             "",                 "13333333"),
    ("make_room_link",      "/v1/rooms/{own_room}/links",                       "{}",               "1.3....."),
    ("make_room_link",      "/v1/rooms/{other_room}/links",                     "{}",               "13333333"),
    ("end_room_links",      "/v1/rooms/{own_room}/links",                       "",                 "1.3....."),
    ("end_room_links",      "/v1/rooms/{other_room}/links",                     "",                 "13333333"),
    ("issue_room_token",    "/v1/rooms/{own_room}/token",                       "",                 "1.3....."),
    ("issue_room_token",    "/v1/rooms/{other_room}/token",                     "",                 "1.3....."),
    // The owner may do these from outside the room; others must be in the room, or may not do them at all.
    ("list_seats",          "/v1/rooms/{own_room}/seats",                       "",                 "1.3....."),
    ("list_seats",          "/v1/rooms/{other_room}/seats",                     "",                 "1o3ooooo"),
    ("list_participants",   "/v1/rooms/{own_room}/participants",                "",                 "1.3....."),
    ("list_participants",   "/v1/rooms/{other_room}/participants",              "",                 "1o3ooooo"),
    ("list_room_gifts",     "/v1/rooms/{own_room}/gifts",                       "",                 "1.3....."),
    ("list_room_gifts",     "/v1/rooms/{other_room}/gifts",                     "",                 "1o3ooooo"),
    ("issue_voice_token",   "/v1/rooms/{own_room}/voice",                       "",                 "1o3ooooo"),
    ("issue_voice_token",   "/v1/rooms/{other_room}/voice",                     "",                 "1o3ooooo"),
    ("take_seat",           "/v1/rooms/{own_room}/seat",                        r#"{"seat":0}"#,    "1o3ooooo"),
    ("take_seat",           "/v1/rooms/{other_room}/seat",                      r#"{"seat":1}"#,    "1o3ooooo"),
    ("move_seat",           "/v1/rooms/{own_room}/seat",                        r#"{"seat":2}"#,    "1o3ooooo"),
    ("move_seat",           "/v1/rooms/{other_room}/seat",                      r#"{"seat":2}"#,    "1o3ooooo"),
    ("claim_seat",          "/v1/rooms/{own_room}/seat/device",                 "",                 "1o3ooooo"),
    ("claim_seat",          "/v1/rooms/{other_room}/seat/device",               "",                 "1o3ooooo"),
    ("leave_seat",          "/v1/rooms/{own_room}/seat",                        "",                 "1o3ooooo"),
    ("leave_seat",          "/v1/rooms/{other_room}/seat",                      "",                 "1o3ooooo"),
    ("lock_seat",           "/v1/rooms/{own_room}/seats/2/lock",                "",                 "1.3....."),
    ("lock_seat",           "/v1/rooms/{other_room}/seats/2/lock",              "",                 "1o3ooooo"),
    ("unlock_seat",         "/v1/rooms/{own_room}/seats/2/lock",                "",                 "1.3....."),
    ("unlock_seat",         "/v1/rooms/{other_room}/seats/2/lock",              "",                 "1o3ooooo"),
    ("lock_seats",          "/v1/rooms/{own_room}/seats/lock",                  "",                 "1.3....."),
    ("lock_seats",          "/v1/rooms/{other_room}/seats/lock",                "",                 "1o3ooooo"),
    ("unlock_seats",        "/v1/rooms/{own_room}/seats/lock",                  "",                 "1.3....."),
    ("unlock_seats",        "/v1/rooms/{other_room}/seats/lock",                "",                 "1o3ooooo"),
    ("mute_self",           "/v1/rooms/{own_room}/seat/mute",                   "",                 "1o3ooooo"),
    ("mute_self",           "/v1/rooms/{other_room}/seat/mute",                 "",                 "1o3ooooo"),
    ("unmute_self",         "/v1/rooms/{own_room}/seat/mute",                   "",                 "1o3ooooo"),
    ("unmute_self",         "/v1/rooms/{other_room}/seat/mute",                 "",                 "1o3ooooo"),
    ("mute_seat",           "/v1/rooms/{own_room}/seats/2/mute",                "",                 "1.3....."),
    ("mute_seat",           "/v1/rooms/{other_room}/seats/2/mute",              "",                 "1o3ooooo"),
    ("unmute_seat",         "/v1/rooms/{own_room}/seats/2/mute",                "",                 "1.3....."),
    ("unmute_seat",         "/v1/rooms/{other_room}/seats/2/mute",              "",                 "1o3ooooo"),
    ("set_seat_mode",       "/v1/rooms/{own_room}/seats/mode",                  SEAT_MODE,          "1.3....."),
    ("set_seat_mode",       "/v1/rooms/{other_room}/seats/mode",                SEAT_MODE,          "1o3ooooo"),
    ("set_layout",          "/v1/rooms/{own_room}/seats/layout",                r#"{"seats":8}"#,   "1.3....."),
    ("set_layout",          "/v1/rooms/{other_room}/seats/layout",              r#"{"seats":8}"#,   "1o3ooooo"),
    ("move_user",           "/v1/rooms/{guest_room}/participants/{guest}/seat", PLACE,              "1o3ooooo"),
    ("move_user",           "/v1/rooms/{own_room}/participants/{inside_admin}/seat", PLACE,         "1.3....."),
    ("remove_user",         "/v1/rooms/{guest_room}/participants/{guest}/seat", "",                 "1o3ooooo"),
    ("remove_user",         "/v1/rooms/{own_room}/participants/{inside_admin}/seat", "",            "1.3....."),
    ("raise_hand",          "/v1/rooms/{own_room}/hand",                        "{}",               "1o3ooooo"),
    ("raise_hand",          "/v1/rooms/{other_room}/hand",                      "{}",               "1o3ooooo"),
    ("lower_hand",          "/v1/rooms/{own_room}/hand",                        "",                 "1o3ooooo"),
    ("lower_hand",          "/v1/rooms/{other_room}/hand",                      "",                 "1o3ooooo"),
    ("list_hands",          "/v1/rooms/{own_room}/hands",                       "",                 "1.3....."),
    ("list_hands",          "/v1/rooms/{other_room}/hands",                     "",                 "1o3ooooo"),
    ("approve_hand",        "/v1/rooms/{own_room}/hands/{user}/approval",       "{}",               "1.3....."),
    ("approve_hand",        "/v1/rooms/{other_room}/hands/{user}/approval",     "{}",               "1o3ooooo"),
    ("refuse_hand",         "/v1/rooms/{own_room}/hands/{user}/refusal",        "",                 "1.3....."),
    ("refuse_hand",         "/v1/rooms/{other_room}/hands/{user}/refusal",      "",                 "1o3ooooo"),
    ("invite",              "/v1/rooms/{guest_room}/invitations/{guest}",       "{}",               "1o3ooooo"),
    ("invite",              "/v1/rooms/{own_room}/invitations/{inside_admin}",  "{}",               "1.3....."),
    ("accept_invitation",   "/v1/rooms/{own_room}/invitation/acceptance",       "",                 "1o3ooooo"),
    ("accept_invitation",   "/v1/rooms/{other_room}/invitation/acceptance",     "",                 "1o3ooooo"),
    ("refuse_invitation",   "/v1/rooms/{own_room}/invitation/refusal",          "",                 "1o3ooooo"),
    ("refuse_invitation",   "/v1/rooms/{other_room}/invitation/refusal",        "",                 "1o3ooooo"),
    ("offer_room",          "/v1/rooms/{guest_room}/ownership/offers/{guest}",  "",                 "1o3ooooo"),
    ("offer_room",          "/v1/rooms/{own_room}/ownership/offers/{inside_admin}", "",             "1.3....."),
    ("withdraw_room",       "/v1/rooms/{own_room}/ownership/offers",            "",                 "1.3....."),
    ("withdraw_room",       "/v1/rooms/{other_room}/ownership/offers",          "",                 "1o3ooooo"),
    ("accept_room",         "/v1/rooms/{own_room}/ownership/acceptance",        "",                 "1o3ooooo"),
    ("accept_room",         "/v1/rooms/{other_room}/ownership/acceptance",      "",                 "1o3ooooo"),
    ("refuse_room",         "/v1/rooms/{own_room}/ownership/refusal",           "",                 "1o3ooooo"),
    ("refuse_room",         "/v1/rooms/{other_room}/ownership/refusal",         "",                 "1o3ooooo"),
    ("list_admins",         "/v1/rooms/{own_room}/admins",                      "",                 "1.3....."),
    ("list_admins",         "/v1/rooms/{other_room}/admins",                    "",                 "1o3ooooo"),
    ("promote_admin",       "/v1/rooms/{guest_room}/admins/{guest}",            "",                 "1o3ooooo"),
    ("promote_admin",       "/v1/rooms/{own_room}/admins/{inside_admin}",       "",                 "1.3....."),
    ("demote_admin",        "/v1/rooms/{guest_room}/admins/{guest}",            "",                 "1o3ooooo"),
    ("demote_admin",        "/v1/rooms/{own_room}/admins/{user}",               "",                 "14344444"),
    ("kick_participant",    "/v1/rooms/{guest_room}/kicks",                     KICK_GUEST,         "1o3ooooo"),
    ("kick_participant",    "/v1/rooms/{own_room}/kicks",                       KICK_ADMIN,         "1.3....."),
    ("ban_user",            "/v1/rooms/{guest_room}/bans",                      KICK_GUEST,         "1o3ooooo"),
    ("ban_user",            "/v1/rooms/{own_room}/bans",                        BAN_USER,           "1.3....."),
    ("list_bans",           "/v1/rooms/{own_room}/bans",                        "",                 "1.3....."),
    ("list_bans",           "/v1/rooms/{other_room}/bans",                      "",                 "1o3ooooo"),
    ("unban_user",          "/v1/rooms/{own_room}/bans/{user}",                 "",                 "1.3....."),
    ("unban_user",          "/v1/rooms/{other_room}/bans/{user}",               "",                 "1o3ooooo"),
    ("mute_in_chat",        "/v1/rooms/{own_room}/mutes/{user}",                "{}",               "1.3....."),
    ("mute_in_chat",        "/v1/rooms/{other_room}/mutes/{user}",              "{}",               "1o3ooooo"),
    ("list_mutes",          "/v1/rooms/{own_room}/mutes",                       "",                 "1.3....."),
    ("list_mutes",          "/v1/rooms/{other_room}/mutes",                     "",                 "1o3ooooo"),
    ("unmute_in_chat",      "/v1/rooms/{own_room}/mutes/{user}",                "",                 "1.3....."),
    ("unmute_in_chat",      "/v1/rooms/{other_room}/mutes/{user}",              "",                 "1o3ooooo"),
    ("set_chat_rules",      "/v1/rooms/{own_room}/chat",                        "{}",               "1.3....."),
    ("set_chat_rules",      "/v1/rooms/{other_room}/chat",                      "{}",               "1o3ooooo"),
    ("send_message",        "/v1/rooms/{own_room}/messages",                    r#"{"text":"m"}"#,  "1o3ooooo"),
    ("send_message",        "/v1/rooms/{other_room}/messages",                  r#"{"text":"m"}"#,  "1o3ooooo"),
    ("send_image",          "/v1/rooms/{own_room}/images",                      IMAGE,              "1o3ooooo"),
    ("send_image",          "/v1/rooms/{other_room}/images",                    IMAGE,              "1o3ooooo"),
    ("recall_line",         "/v1/rooms/{own_room}/lines/1/1",                   "",                 "1.3....."),
    ("recall_line",         "/v1/rooms/{other_room}/lines/1/1",                 "",                 "1o3ooooo"),
    ("add_reaction",        "/v1/rooms/{own_room}/lines/1/1/reactions/like",    "",                 "1o3ooooo"),
    ("add_reaction",        "/v1/rooms/{other_room}/lines/1/1/reactions/like",  "",                 "1o3ooooo"),
    ("remove_reaction",     "/v1/rooms/{own_room}/lines/1/1/reactions/like",    "",                 "1o3ooooo"),
    ("remove_reaction",     "/v1/rooms/{other_room}/lines/1/1/reactions/like",  "",                 "1o3ooooo"),
    ("send_gift",           "/v1/rooms/{own_room}/gifts",                       GIFT,               "1o3ooooo"),
    ("send_gift",           "/v1/rooms/{other_room}/gifts",                     GIFT,               "1o3ooooo"),
    ("list_gifts",          "/v1/gifts",                                        "",                 "........"),
    ("read_wallet",         "/v1/wallet",                                       "",                 "1.3....."),
    ("list_wallet_entries", "/v1/wallet/entries",                               "",                 "1.3....."),

    ("transfer_coins",      "/v1/wallet/transfers",                             COINS,              "1.3....."),
    ("make_coin_request",   "/v1/coin-requests",                                ASKED,              "1.3....."),
    ("list_coin_requests",  "/v1/coin-requests",                                "",                 "1.3....."),
    ("find_coin_request",   "/v1/coin-requests/{own_request}",                  "",                 "1.3....."),
    ("find_coin_request",   "/v1/coin-requests/{other_request}",                "",                 "14344444"),
    // The reseller who was asked settles the request; a former reseller is refused.
    ("approve_coin_request", "/v1/coin-requests/{own_request}/approval",        "",                 "1.3....."),
    ("approve_coin_request", "/v1/coin-requests/{other_request}/approval",      "",                 "14344444"),
    ("reject_coin_request", "/v1/coin-requests/{own_request}/rejection",        "{}",               "1.3....."),
    ("reject_coin_request", "/v1/coin-requests/{other_request}/rejection",      "{}",               "14344444"),

    ("begin_upload",        "/v1/uploads",                                      UPLOAD,             "1.3....."),
    ("find_upload",         "/v1/uploads/{own_upload}",                         "",                 "1.3....."),
    ("find_upload",         "/v1/uploads/{other_upload}",                       "",                 "14344444"),
    ("complete_upload",     "/v1/uploads/{own_upload}/complete",                "",                 "1.3....."),
    ("complete_upload",     "/v1/uploads/{other_upload}/complete",              "",                 "14344444"),
    ("wear_avatar",         "/v1/me/avatar",                                    OWN_UPLOAD,         "1.3....."),
    ("wear_avatar",         "/v1/me/avatar",                                    OTHER_UPLOAD,       "1b3bbbbb"),
    ("drop_avatar",         "/v1/me/avatar",                                    "",                 "1.3....."),
    // Everybody may see pictures, but there are none here.
    ("show_avatar",         "/v1/users/{self}/avatar",                          "",                 "44444444"),
    ("show_avatar",         "/v1/users/{user}/avatar",                          "",                 "44444444"),
    ("show_background",     "/v1/rooms/{own_room}/background",                  "",                 "44444444"),
    ("show_background",     "/v1/rooms/{other_room}/background",                "",                 "44444444"),
    ("show_image",          "/v1/rooms/{own_room}/images/01990000-0000-7000-8000-000000000001",   "", "44444444"),
    ("show_image",          "/v1/rooms/{other_room}/images/01990000-0000-7000-8000-000000000001", "", "44444444"),
    ("show_logo",           "/v1/rooms/{own_room}/logo",                        "",                 "44444444"),
    ("show_logo",           "/v1/rooms/{other_room}/logo",                      "",                 "44444444"),
    ("hang_logo",           "/v1/rooms/{own_room}/logo",                        OWN_LOGO,           "1.3....."),
    ("hang_logo",           "/v1/rooms/{other_room}/logo",                      OWN_LOGO,           "13333333"),
    ("drop_logo",           "/v1/rooms/{own_room}/logo",                        "",                 "1.3....."),
    ("drop_logo",           "/v1/rooms/{other_room}/logo",                      "",                 "13333333"),

    ("list_users",          "/v1/staff/users",                                  "",                 "1333...."),
    ("read_user",           "/v1/staff/users/{user}",                           "",                 "1333...."),
    ("read_user",           "/v1/staff/users/{admin}",                          "",                 "1333...."),
    ("read_user",           "/v1/staff/users/{self}",                           "",                 "1333...."),
    ("suspend_user",        "/v1/staff/users/{user}/suspension",                REASON,             "13333..."),
    ("suspend_user",        "/v1/staff/users/{admin}/suspension",               REASON,             "1333333."),
    ("suspend_user",        "/v1/staff/users/{self}/suspension",                REASON,             "13333333"),
    ("suspend_user",        "/v1/staff/users/999999999/suspension",             REASON,             "13333444"),
    ("lift_suspension",     "/v1/staff/users/{user}/suspension",                "",                 "13333..."),
    ("lift_suspension",     "/v1/staff/users/{admin}/suspension",               "",                 "1333333."),
    ("lift_suspension",     "/v1/staff/users/{self}/suspension",                "",                 "13333333"),
    ("sign_user_out",       "/v1/staff/users/{user}/sessions",                  "",                 "1333...."),
    ("sign_user_out",       "/v1/staff/users/{admin}/sessions",                 "",                 "1333333."),
    ("revoke_user_session", "/v1/staff/users/{user}/sessions/{user_session}",   "",                 "1333...."),
    ("revoke_user_session", "/v1/staff/users/{user}/sessions/{admin_session}",  "",                 "13334444"),
    ("revoke_user_session", "/v1/staff/users/{admin}/sessions/{admin_session}", "",                 "1333333."),
    ("list_roles",          "/v1/staff/roles",                                  "",                 "1333...."),
    ("grant_role",          "/v1/staff/users/{user}/roles/support",             "",                 "133333.."),
    ("grant_role",          "/v1/staff/users/{user}/roles/admin",               "",                 "1333333."),
    ("grant_role",          "/v1/staff/users/{self}/roles/support",             "",                 "13333333"),
    ("grant_role",          "/v1/staff/users/{self}/roles/admin",               "",                 "13333333"),
    ("take_role",           "/v1/staff/users/{user}/roles/admin",               "",                 "1333333."),
    ("take_role",           "/v1/staff/users/{user}/roles/support",             "",                 "133333.."),
    ("take_role",           "/v1/staff/users/{self}/roles/{role}",              "",                 "13333333"),
    ("list_live_rooms",     "/v1/staff/rooms",                                  "",                 "1333...."),
    ("list_timeline",       "/v1/staff/rooms/{own_room}/timeline",              "",                 "13333..."),
    ("list_timeline",       "/v1/staff/rooms/{other_room}/timeline",              "",                 "13333..."),
    ("read_moment",         "/v1/staff/rooms/{own_room}/timeline/at?at=0",      "",                 "13333444"),
    ("read_moment",         "/v1/staff/rooms/{other_room}/timeline/at?at=0",      "",                 "13333444"),
    ("read_event_moment",   "/v1/staff/rooms/{own_room}/timeline/1/1",          "",                 "13333444"),
    ("read_event_moment",   "/v1/staff/rooms/{other_room}/timeline/1/1",          "",                 "13333444"),
    ("list_room_people",    "/v1/staff/rooms/{own_room}/people",                "",                 "13333..."),
    ("list_room_people",    "/v1/staff/rooms/{other_room}/people",                "",                 "13333..."),
    ("list_days_of_room",   "/v1/staff/rooms/{own_room}/days",                  "",                 "13333..."),
    ("list_days_of_room",   "/v1/staff/rooms/{other_room}/days",                  "",                 "13333..."),
    ("list_visits",         "/v1/staff/visits",                                 "",                 "13333..."),
    ("kick_from_room",      "/v1/staff/rooms/{guest_room}/kicks",               KICK_GUEST,         "13333..."),
    ("kick_from_room",      "/v1/staff/rooms/{own_room}/kicks",                 KICK_ADMIN,         "1333333."),
    ("recall_room_line",    "/v1/staff/rooms/{guest_room}/lines/1/1",           "",                 "13333..."),
    ("recall_room_line",    "/v1/staff/rooms/{own_room}/lines/1/1",             "",                 "13333..."),
    ("close_live_room",     "/v1/staff/rooms/{guest_room}/closings",            REASON,             "13333..."),
    ("close_live_room",     "/v1/staff/rooms/{own_room}/closings",              REASON,             "13333..."),
    ("suspend_room",        "/v1/staff/rooms/{guest_room}/suspension",          REASON,             "13333..."),
    ("suspend_room",        "/v1/staff/rooms/{own_room}/suspension",            REASON,             "13333..."),
    ("restore_room",        "/v1/staff/rooms/{guest_room}/suspension",          "",                 "13333..."),
    ("restore_room",        "/v1/staff/rooms/{own_room}/suspension",            "",                 "13333..."),
    ("list_bans_of_room",   "/v1/staff/rooms/{own_room}/bans",                  "",                 "13333..."),
    ("list_bans_of_room",   "/v1/staff/rooms/{other_room}/bans",                "",                 "13333..."),
    ("list_mutes_of_room",  "/v1/staff/rooms/{other_room}/mutes",               "",                 "13333..."),
    ("list_mutes_of_room",  "/v1/staff/rooms/{own_room}/mutes",                 "",                 "13333..."),
    ("ban_from_room",       "/v1/staff/rooms/{own_room}/bans/{user}",           REASON,             "13333..."),
    ("ban_from_room",       "/v1/staff/rooms/{other_room}/bans/{user}",         REASON,             "13333..."),
    ("unban_from_room",     "/v1/staff/rooms/{own_room}/bans/{user}",           "",                 "13333..."),
    ("unban_from_room",     "/v1/staff/rooms/{other_room}/bans/{user}",         "",                 "13333..."),
    ("mute_in_room",        "/v1/staff/rooms/{other_room}/mutes/{user}",        "{}",               "13333..."),
    ("mute_in_room",        "/v1/staff/rooms/{own_room}/mutes/{user}",          "{}",               "13333..."),
    ("unmute_in_room",      "/v1/staff/rooms/{other_room}/mutes/{user}",        "",                 "13333..."),
    ("unmute_in_room",      "/v1/staff/rooms/{own_room}/mutes/{user}",          "",                 "13333..."),
    ("pin_room",            "/v1/staff/rooms/{own_room}/pin",                   "",                 "133333.."),
    ("pin_room",            "/v1/staff/rooms/{other_room}/pin",                 "",                 "133333.."),
    ("unpin_room",          "/v1/staff/rooms/{other_room}/pin",                 "",                 "133333.."),
    ("unpin_room",          "/v1/staff/rooms/{own_room}/pin",                   "",                 "133333.."),
    ("list_jobs",           "/v1/staff/jobs?state=failed",                      "",                 "133333.."),
    ("retry_job",           "/v1/staff/jobs/{failed_job}/retry",                "",                 "133333.."),
    ("retry_job",           "/v1/staff/jobs/{done_job}/retry",                  "",                 "133333.."),
    // The coins of the first one, which filled the promotion account, have been given away since.
    ("reverse_transfer",    "/v1/staff/transfers/1/reversal",                   REASON,             "1333333."),
    ("reverse_transfer",    "/v1/staff/transfers/999999999999/reversal",        REASON,             "13333334"),
    ("list_staff_acts",     "/v1/staff/audit",                                  "",                 "1333333."),
];

const IMAGE: &str = r#"{"image":"01990000-0000-7000-8000-000000000001"}"#;
const SEAT_MODE: &str = r#"{"mode":"free"}"#;
const PLACE: &str = r#"{"seat":2,"policy":"kick"}"#;
const REGISTER: &str =
    r#"{"email":"{unique}@example.com","password":"a long enough secret","name":"New","device":"x"}"#;
const LOGIN: &str = r#"{"login":"demo1@parlor.example","password":"parlor-demo","device":"x"}"#;
const REFRESH: &str = r#"{"refresh_token":"{refresh_token}"}"#;
const SPENT: &str = r#"{"refresh_token":"AZmxwn0ecAC"}"#;
const UPLOAD: &str = r#"{"purpose":"avatar","content_type":"image/png","bytes":100}"#;
const LOGO_UPLOAD: &str = r#"{"purpose":"room_logo","content_type":"image/png","bytes":100}"#;
const OWN_UPLOAD: &str = r#"{"upload":"{own_upload}"}"#;
const OTHER_UPLOAD: &str = r#"{"upload":"{other_upload}"}"#;
const OWN_LOGO: &str = r#"{"upload":"{own_logo}"}"#;
const SEND_CODE: &str = r#"{"contact":"{unique}@example.com","purpose":"reset"}"#;
const RESET: &str = r#"{"contact":"{unique}@example.com","code":"000000","password":"another long secret"}"#;
const PASSWORDS: &str = r#"{"old_password":"not the password","password":"another long secret"}"#;
const CONTACT: &str = r#"{"contact":"{unique}@example.com"}"#;
const PROOF: &str = r#"{"contact":"{unique}@example.com","code":"000000","password":"not the password"}"#;
const GIFT: &str = r#"{"gift":1,"count":1,"to":"all_seats"}"#;
const COINS: &str = r#"{"to":{user},"amount":10}"#;
const ASKED: &str = r#"{"reseller":{user},"amount":70}"#;
// Of a version that the record does not have, so that the lines after it find the room as it is.
const PRIVACY: &str = r#"{"version":99,"privacy":"hidden"}"#;
const REASON: &str = r#"{"reason":"spam"}"#;
const KICK_GUEST: &str = r#"{"user":{guest},"reason":"spam"}"#;
const BAN_USER: &str = r#"{"user":{user},"reason":"spam"}"#;
const KICK_ADMIN: &str = r#"{"user":{inside_admin},"reason":"spam"}"#;

/// Every operation by its id: method and address.
pub fn operations() -> HashMap<String, (Method, String)> {
    let document: Value = serde_json::from_str(&parlor::router::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("there are paths").clone();
    let all = paths.into_iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("a path has methods").clone();
        methods.into_iter().map(move |(method, operation)| {
            let id = operation["operationId"].as_str().expect("an operationId").to_owned();
            (id, (method.to_uppercase().parse().expect("a method"), path.clone()))
        })
    });
    all.collect()
}

fn is_of(path: &str, template: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (path, template) = (path.split('/'), template.split('/'));
    path.clone().count() == template.clone().count()
        && path.zip(template).all(|(part, pattern)| part == pattern || pattern.starts_with('{'))
}

#[test]
fn every_operation_has_a_line() {
    let operations = operations();
    let classified: HashSet<_> = LINES.iter().map(|(operation, ..)| *operation).collect();
    let missing: Vec<_> = operations.keys().filter(|operation| !classified.contains(operation.as_str())).collect();
    assert!(missing.is_empty(), "to be classified: {missing:?}");
    for (operation, path, _, cells) in LINES {
        let (_, template) = operations.get(*operation).unwrap_or_else(|| panic!("{operation} is gone"));
        assert!(is_of(path, template), "{operation}: {path} is not of {template}");
        assert_eq!(cells.len(), KINDS.len(), "{operation}");
        let about = LINES.iter().filter(|(other, ..)| other == operation).count();
        assert!(about > 1 || !template.contains('{'), "{operation}: on one's own and on another's");
    }
}

impl Scene {
    /// Makes the things that a line needs anew for each request.
    pub async fn fresh(&self, asker: &Asker, line: &str, words: &mut HashMap<&'static str, String>) -> Vec<Client> {
        let mut clients = Vec::new();
        let mut say = |word, meant: String| words.insert(word, meant);
        say("{unique}", Uuid::now_v7().to_string());
        say("{role}", asker.kind.to_owned());
        for (word, user) in [("{user_session}", self.user), ("{admin_session}", self.admin)] {
            if line.contains(word) {
                say(word, self.world.signed_in(user).await.0.to_string());
            }
        }
        if line.contains("{own_session}") {
            say("{own_session}", self.world.signed_in(asker.user.unwrap_or(self.user)).await.0.to_string());
        }
        if line.contains("{refresh_token}") {
            // The refresh token decides who the caller is: a demo user.
            let login = serde_json::from_str(LOGIN).expect("JSON");
            let (_, welcome) = self.world.post("/v1/auth/login", "", login).await;
            say("{refresh_token}", welcome["refresh_token"].as_str().expect("a token").to_owned());
        }
        if line.contains("{guest_room}") {
            let room = self.world.room(self.owner).await;
            let (guest, client) = self.guest(room).await;
            clients.push(client);
            say("{guest_room}", room.to_string());
            say("{guest}", guest.to_string());
        }
        if line.contains("{inside_admin}") {
            let admin = self.world.person("admin").await;
            clients.push(self.world.in_room(admin, asker.own_room).await);
            say("{inside_admin}", admin.to_string());
        }
        for (word, state) in [("{failed_job}", "failed"), ("{done_job}", "done")] {
            if line.contains(word) {
                say(word, self.world.job(state).await.to_string());
            }
        }
        for (word, reseller) in [("{own_request}", asker.user.unwrap_or(self.admin)), ("{other_request}", self.admin)] {
            if line.contains(word) {
                let request: i64 = sqlx::query_scalar(
                    "insert into coin_requests (user_id, reseller_id, amount, expires_at, op)
                     values ($1, $2, 70, clock_timestamp() + interval '1 hour', gen_random_uuid())
                     returning id",
                )
                .bind(self.owner.number())
                .bind(reseller.number())
                .fetch_one(&self.world.database.app)
                .await
                .expect("a request");
                say(word, request.to_string());
            }
        }
        let whoever = asker.user.filter(|_| asker.kind != "suspended").unwrap_or(self.user);
        let uploads = [("{own_upload}", whoever, UPLOAD), ("{own_logo}", whoever, LOGO_UPLOAD)];
        for (word, user, body) in [uploads[0], uploads[1], ("{other_upload}", self.owner, UPLOAD)] {
            if line.contains(word) {
                let token = self.world.token(user).await;
                let body = serde_json::from_str(body).expect("JSON");
                let (status, upload) = self.world.post("/v1/uploads", &token, body).await;
                assert_eq!(status, 201, "{upload}");
                say(word, upload["id"].as_str().expect("an id").to_owned());
            }
        }
        clients
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_user_may_call_what_its_cells_say() {
    let (scene, operations) = (Scene::set().await, operations());
    let mut wrong = Vec::new();
    for (operation, path, body, cells) in LINES {
        let method = &operations[*operation].0;
        let mut found = String::new();
        let mut answers = Vec::new();
        for asker in &scene.askers {
            let mut words = scene.words(asker);
            let _clients = scene.fresh(asker, &format!("{path}{body}"), &mut words).await;
            let token = scene.token(asker).await;
            let body = match filled(body, &words) {
                body if !body.is_empty() => Some(serde_json::from_str(&body).expect("JSON")),
                _ if *method == Method::POST => Some(json!({})),
                _ => None,
            };
            let (status, answer) = scene.world.call(method.clone(), &filled(path, &words), &token, body).await;
            found.push(cell(status, answer["code"].as_str().unwrap_or_default()));
            answers.push(format!("{}: {status} {}", asker.kind, answer["code"]));
        }
        if found != *cells {
            wrong.push(format!("{operation} {path}: {found} and not {cells}: {answers:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
