//! The password policy as a table of thousands of cases. The cases that need words are in `password`.

use std::ops::RangeInclusive;

use futures_util::{Stream, StreamExt, stream};
use tonic::Code;
use unicode_normalization::UnicodeNormalization;

use crate::harness::{Database, Fault, Server, email, figure, scale};

on_both_databases!(
    every_case_of_the_table_is_judged_as_it_says,
    composed_and_decomposed_spellings_are_one_password,
    no_password_opens_what_another_one_closed,
);

/// Enough calls at once to keep the machine busy.
const AT_ONCE: usize = 16;
/// The list that the binary holds, read again.
const COMMON: &str = include_str!("../../src/domain/password/common.txt");

/// A password and the reason that refuses it; `None`: it is taken.
type Case = (String, Option<&'static str>);

fn at_once<F: Future>(work: impl IntoIterator<Item = F>) -> impl Stream<Item = F::Output> {
    stream::iter(work).buffer_unordered(AT_ONCE)
}

/// (A2) 4,000 cases and more through gRPC and REST in turn: lengths, ASCII, control characters,
/// emoji, spaces, the common list.
async fn every_case_of_the_table_is_judged_as_it_says(app: Server) {
    let mut table = lengths();
    table.extend(printable());
    table.extend(controls());
    table.extend(emoji());
    table.extend(common());
    assert!(table.len() >= 4_000, "{} cases", table.len());
    let count = table.len();
    let judged = at_once(
        table
            .into_iter()
            .enumerate()
            .map(|(turn, (password, expected))| {
                let app = &app;
                async move {
                    let told = if turn % 2 == 0 {
                        grpc_verdict(app, &password).await
                    } else {
                        rest_verdict(app, &password).await
                    };
                    assert_eq!(told.as_deref(), expected, "{password:?}");
                    expected.is_none()
                }
            }),
    );
    let taken = judged
        .filter(|taken| std::future::ready(*taken))
        .count()
        .await;
    assert_eq!(
        app.store.rows("users").await,
        taken,
        "and nothing else is stored"
    );
    figure("A2", format_args!("{count} cases, {taken} taken"));
}

async fn grpc_verdict(app: &Server, password: &str) -> Option<String> {
    let status = app.grpc().register(&email(), password).await.err()?;
    let fault = Fault::of(&status);
    assert_eq!(fault.meaning(), (Code::InvalidArgument, "INVALID_INPUT"));
    only(fault.violations, password)
}

async fn rest_verdict(app: &Server, password: &str) -> Option<String> {
    let reply = app.rest().register(&email(), password).await;
    if reply.status == 201 {
        return None;
    }
    assert_eq!(reply.reason(), "INVALID_INPUT", "{password:?}");
    only(reply.faults(), password)
}

fn only(faults: Vec<(String, String)>, password: &str) -> Option<String> {
    assert_eq!(faults.len(), 1, "{password:?}: {faults:?}");
    let (field, reason) = faults.into_iter().next()?;
    assert_eq!(field, "password");
    Some(reason)
}

/// 0 to 140 characters of one, two and four bytes, and of two that compose to one.
fn lengths() -> Vec<Case> {
    let of_length = |letter: fn(usize) -> String, count: usize| {
        let expected = match count {
            0..=7 => Some("PASSWORD_TOO_SHORT"),
            8..=128 => None,
            _ => Some("PASSWORD_TOO_LONG"),
        };
        ((0..count).map(letter).collect::<String>(), expected)
    };
    let letters: [fn(usize) -> String; 4] = [
        |at| char::from(b"kW7#qz"[at % 6]).to_string(),
        |at| ["é", "ß", "ø"][at % 3].to_owned(),
        |at| ["🦜", "🐦"][at % 2].to_owned(),
        |at| ["e\u{301}", "o\u{308}"][at % 2].to_owned(),
    ];
    letters
        .into_iter()
        .flat_map(|letter| (0..=140).map(move |count| of_length(letter, count)))
        .collect()
}

/// Each of the 95, first, last and alone among eight.
fn printable() -> Vec<Case> {
    (' '..='~')
        .flat_map(|c| {
            [
                format!("{c}q7#kW2zP"),
                format!("q7#kW2zP{c}"),
                format!("q7#k{c}W2zP"),
            ]
        })
        .map(|password| (password, None))
        .collect()
}

/// Each of the 65, first, last and in the middle.
fn controls() -> Vec<Case> {
    let of = |range: RangeInclusive<char>| range.collect::<Vec<_>>();
    of('\0'..='\u{1f}')
        .into_iter()
        .chain(of('\u{7f}'..='\u{9f}'))
        .flat_map(|c| {
            [
                format!("{c}q7#kW2zP"),
                format!("q7#kW2zP{c}"),
                format!("q7#k{c}W2zP"),
            ]
        })
        .map(|password| (password, Some("INVALID_FIELD")))
        .collect()
}

/// Alone, with skin tones, as flags and joined: what looks like one is counted by code points.
fn emoji() -> Vec<Case> {
    let faces = ('\u{1f600}'..='\u{1f64f}').map(|face| face.to_string().repeat(8));
    let hands = ('\u{1f3fb}'..='\u{1f3ff}').map(|tone| format!("\u{1f44d}{tone}").repeat(4));
    let flags = ["🇫🇷", "🇯🇵", "🇧🇷"].map(|flag| flag.repeat(4));
    let families =
        ["👩\u{200d}👩\u{200d}👧\u{200d}👦", "🏳️\u{200d}🌈"].map(|family| family.repeat(3));
    let short = ('\u{1f600}'..='\u{1f64f}').map(|face| face.to_string().repeat(7));
    faces
        .chain(hands)
        .chain(flags)
        .chain(families)
        .map(|password| (password, None))
        .chain(short.map(|password| (password, Some("PASSWORD_TOO_SHORT"))))
        .collect()
}

/// 3,000 of the list, spread over all of it, as they are and in capitals in turn.
fn common() -> Vec<Case> {
    let entries: Vec<&str> = COMMON.lines().collect();
    let step = entries.len() / 3_000;
    entries
        .iter()
        .step_by(step)
        .take(3_000)
        .enumerate()
        .map(|(turn, entry)| match turn % 2 {
            0 => (*entry).to_owned(),
            _ => entry.to_uppercase(),
        })
        .map(|password| (password, Some("PASSWORD_COMMON")))
        .collect()
}

/// (A2) Each letter of Latin-1, Latin Extended-A, Greek, Cyrillic and Vietnamese that has a
/// decomposed spelling, and some Hangul: every fourth in CI, all for the scorecard.
async fn composed_and_decomposed_spellings_are_one_password(app: Server) {
    let ranges = [
        '\u{c0}'..='\u{17f}',
        '\u{386}'..='\u{45f}',
        '\u{1e00}'..='\u{1eff}',
        '\u{ac00}'..='\u{ac3f}',
    ];
    let letters: Vec<char> = ranges
        .into_iter()
        .flatten()
        .filter(|c| c.nfd().ne([*c]) && c.nfc().eq([*c]))
        .step_by(scale(4, 1))
        .collect();
    let judged = at_once(letters.iter().enumerate().map(|(turn, letter)| {
        let client = app.grpc();
        async move {
            let composed = format!("q7#kW2z{letter}");
            let decomposed: String = composed.nfd().collect();
            assert_ne!(composed, decomposed);
            let (set, tried) = match turn % 2 {
                0 => (composed, decomposed),
                _ => (decomposed, composed),
            };
            let address = email();
            client.register(&address, &set).await.unwrap();
            assert!(client.is_valid(&address, &tried).await, "{letter}");
            assert!(client.is_valid(&address, &set).await, "{letter}");
            let bare: String = tried.nfd().filter(char::is_ascii).collect();
            assert!(!client.is_valid(&address, &bare).await, "{letter}");
        }
    }));
    figure(
        "A2",
        format_args!("{} pairs of spellings", judged.count().await),
    );
    assert!(letters.len() > 100);
}

/// (A2) Spaces of every kind are kept, and 128 characters are compared to the last: each of a group
/// opens its own user and no other. 12 spaced passwords, and 8 pairs in CI or 64 for the scorecard.
async fn no_password_opens_what_another_one_closed(database: Database) {
    let app = Server::on(database).await.unthrottled().start().await;
    let spaced = [
        "two words",
        " two words",
        "two words ",
        " two words ",
        "two  words",
        "twowords",
        "two\u{a0}words",
        "two\u{2003}words",
        "two\u{3000}words",
        "two\u{202f}words",
        "two\u{200b}words",
        "TWO WORDS",
    ];
    let mut groups = vec![spaced.map(str::to_owned).to_vec()];
    for turn in 0..scale(8, 64) {
        let stem: String = format!("{turn:05}").chars().cycle().take(127).collect();
        let last = [['e', 'é'], ['🦜', '🐦'], ['x', 'X'], [' ', '\u{a0}']][turn % 4];
        groups.push(last.map(|last| format!("{stem}{last}")).to_vec());
    }
    let mut tried = 0;
    for group in groups {
        let mut users = Vec::new();
        for password in &group {
            let address = email();
            app.grpc().register(&address, password).await.unwrap();
            users.push((address, password));
        }
        for (address, own) in &users {
            for password in &group {
                tried += 1;
                let valid = app.grpc().is_valid(address, password).await;
                assert_eq!(valid, &password == own, "{password:?} for {own:?}");
            }
        }
    }
    figure(
        "A2",
        format_args!("{tried} logins, none by another's password"),
    );
}
