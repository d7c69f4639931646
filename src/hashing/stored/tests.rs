//! Hashes of other software, and texts that are not hashes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{super::arena::Arena, UnreadableHash, *};

const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
const TAG: &str = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

/// The password of all hashes in [`FOREIGN`].
const PASSWORD: &str = "letmein ü";
/// Made by argon2-cffi 25.1, passlib 1.7.4, bcrypt 4.0.1, Django 5.2 and the scrypt and pbkdf2 crates'
/// own PHC form, at the least cost that each allows.
const FOREIGN: [&str; 21] = [
    "$argon2i$v=19$m=64,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$QCbGeOWZfCF4K2a20lvY70hU+c2THLh2O2eAZijxB70",
    "$argon2i$v=16$m=64,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$aFrryZE58I/13OuR395PfdYsswZHbJ7hrQ8AkHtscvk",
    "$argon2d$v=19$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$h5Wm4Bzhw/xkFh8BlXkBjqKEBumu9sUYAt6QcbuEONs",
    "$argon2d$v=16$m=64,t=2,p=2$c2l4dGVlbiBieXRlIHNsdA$YxXB2RoB4vhsespXjeTcdGA9tg780mIGLIQsU0G9YFU",
    "$argon2id$v=19$m=64,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$3q035a4/ZhwE35WiKm0TpEqVfi4LyNw348MCjQIjazc",
    "$argon2id$v=16$m=64,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$1Twf/MQwmSgRQtsSwqWZYX+RATn91gRLA+OMWOCTRB0",
    "$2a$04$mlVJPoIPf73q.mabFWtFH.54w5K8bbxhTlbsW0SxPrRaK5AEOIyUe",
    "$2b$04$9MDds2FZF8.u0Fyfe4wsbOztHGt1tnwYEi/MLPcWrmiuJaOtPKpm.",
    "$2y$04$0D.70nRlrWJYR83sZejzAe1BK92UY5SIDtS8KSJekkcZn1dTvlJ5S",
    "$2a$04$swD7uKxAMoIUYhbmeQwlqO5IZugbyKUQLk3nEvu8eAkd1Kpvitb6i",
    "$scrypt$ln=4,r=8,p=1$j7E2Rqi1Vup9rzWmFCJkLA$3dSiCoydyekn6XE6rY3BosSQwOvaOCbwdb4UmwAG8Yk",
    "$scrypt$ln=5,r=4,p=3$HUPI+Z9Tyvkfo/R+DwGAcA7hHOO8V+pdyxkDQEjJWWs$c2OF2kp15ckO4GW6pfkgs0a4lgrYfjlzgiCb6D3yJso",
    "$pbkdf2$12$z3lvrZVSqhVCCCHkvBfi3A$ijWOx2DbB9kyUCk8.7wvOBGbMow",
    "$pbkdf2-sha256$12$UqoVImTsXQuBMEZoTYkxxg$P7oVOgAil84s1IlCutefiSojWTzih7/T272pHW1DNGM",
    "$pbkdf2-sha512$12$gxBCyFkrRQiBsNYaI6S0Vg$rNl8HgnGqoHYa536n6FUmsNQTpVzumdT3zki.j/7xfbcg91A1IVTp06bDa/SUrHDpVGDQtfqRbjDsnvHFJj1Vw",
    "pbkdf2_sha1$12$gnhJhnJLwDtO$Bqer+5bHCSn0/YcUabz0YqBJYh8=",
    "pbkdf2_sha256$12$oQJlhuhRxCUD$7tn7QiU4zGSA9t93YVoWq6vdET95pSZtXhurug+r/jA=",
    "pbkdf2_sha256$12$91wLPknglAcbbpqxpO6ff1$zZjso4mOanTRrwa8iice7si8ike8jQNkTrqAl2co2Us=",
    "pbkdf2_sha1$12$TOfha03Q9ZTfmGzWWpDP76$Gd+DruHoCvxSh+GGVYv6uIvuzVY=",
    "$pbkdf2-sha256$i=12,l=32$UqoVImTsXQuBMEZoTYkxxg$P7oVOgAil84s1IlCutefiSojWTzih7/T272pHW1DNGM",
    "$pbkdf2-sha1$i=12$z3lvrZVSqhVCCCHkvBfi3A$ijWOx2DbB9kyUCk8+7wvOBGbMow",
];
/// bcrypt 4.0.1 over 80 and over 72 bytes.
const LONG: &str =
    "eighty bytes: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyABCDEFGH";
const OF_LONG: &str = "$2b$04$fzhqSB0XQVzaQRc1kp1.FeboIUV6jPTcX0tT9HPP3.5TyXooGBo8G";
const OF_72: &str = "$2b$04$rvK6wPI.97viUM5NzzLMs.nM4umMJ5KBKqdC3YHO2ux/aTwukis9i";

fn is_of(text: &str, password: &[u8]) -> bool {
    let stored = StoredHash::parse(text).unwrap();
    let mut tag = vec![0; stored.tag.len()];
    let mut arena = Arena::reserve(stored.algorithm.arena_kib()).unwrap();
    stored
        .algorithm
        .compute(password, &stored.salt, &mut arena, &mut tag)
        .unwrap();
    tag == stored.tag
}

#[test]
fn hashes_of_other_software_are_verified() {
    for text in FOREIGN {
        assert!(is_of(text, PASSWORD.as_bytes()), "{text}");
        assert!(!is_of(text, b"letmein u"), "{text}");
    }
}

#[test]
fn bcrypt_reads_72_bytes_as_the_original_does() {
    assert!(is_of(OF_LONG, LONG.as_bytes()));
    assert!(is_of(OF_LONG, &LONG.as_bytes()[..72]));
    assert!(is_of(OF_LONG, format!("{}other", &LONG[..72]).as_bytes()));
    assert!(!is_of(OF_LONG, &LONG.as_bytes()[..71]));
    assert!(is_of(OF_72, &[b'y'; 72]));
    assert!(!is_of(OF_72, &[b'y'; 71]));
}

#[test]
fn only_argon2id_at_the_current_cost_is_current() {
    let current = Parameters::new(64, 2, 1).unwrap();
    let are_current: BTreeSet<_> = FOREIGN
        .into_iter()
        .filter(|text| StoredHash::parse(text).unwrap().is_current(current))
        .collect();
    assert_eq!(are_current, BTreeSet::from([FOREIGN[4]]));
}

fn of_bytes(length: usize) -> String {
    STANDARD_NO_PAD.encode(vec![7; length])
}

fn argon2id(cost: &str) -> String {
    format!("$argon2id$v=19${cost}${SALT}${TAG}")
}

/// (U3) A stored text never costs more than the caps.
#[test]
fn a_hash_beyond_the_caps_is_reported_as_such() {
    let lengths = [(7, 32), (65, 32), (16, 15), (16, 65)];
    let by_length = lengths.map(|(salt, tag)| {
        format!(
            "$argon2id$v=19$m=64,t=1,p=1${}${}",
            of_bytes(salt),
            of_bytes(tag)
        )
    });
    let by_cost = [
        "m=4194304,t=2,p=1",
        "m=4294967296,t=2,p=1",
        "m=99999999999999999999999999,t=2,p=1",
        "m=131073,t=1,p=1",
        "m=131072,t=5,p=1",
        "m=19456,t=11,p=1",
        "m=19456,t=2,p=9",
        "m=19456,t=0,p=1",
        "m=7,t=1,p=1",
    ]
    .map(argon2id);
    let of_others = [
        OF_LONG.replace("$04$", "$14$"),
        OF_LONG.replace("$04$", "$31$"),
        OF_LONG.replace("$04$", "$00$"),
        FOREIGN[10].replace("ln=4", "ln=17"),
        FOREIGN[10].replace("ln=4", "ln=4294967295"),
        FOREIGN[10].replace("r=8", "r=4294967295"),
        FOREIGN[10].replace("p=1", "p=6"),
        FOREIGN[13].replace("$12$", "$2000001$"),
        FOREIGN[19].replace("i=12", "i=99999999999"),
        FOREIGN[16].replace("$12$", "$0$"),
        FOREIGN[16].replace("oQJlhuhRxCUD", "short"),
        format!("{}{}", argon2id("m=64,t=1,p=1"), "A".repeat(512)),
    ];
    for text in by_length.iter().chain(&by_cost).chain(&of_others) {
        assert_eq!(StoredHash::parse(text), Err(OutsideCaps), "{text}");
    }
    for (salt, tag) in [(8, 16), (64, 64)] {
        let text = format!(
            "$argon2id$v=19$m=131072,t=4,p=8${}${}",
            of_bytes(salt),
            of_bytes(tag)
        );
        assert!(StoredHash::parse(&text).is_ok(), "{text}");
    }
}

/// (U3) A stored text never has a second spelling.
#[test]
fn a_hash_in_another_spelling_is_damaged() {
    let good = argon2id("m=64,t=1,p=1");
    let by_cost = [
        "m=019456,t=2,p=1",
        "m=+19456,t=2,p=1",
        "m=,t=2,p=1",
        "t=2,m=19456,p=1",
        "m=19456,t=2",
        "m=19456,t=2,p=1,",
        "m=19456,t=2,p=1,data=AAAA",
        "",
    ]
    .map(argon2id);
    let by_form = [
        good.replace("v=19", "v=20"),
        good.replace("$v=19", ""),
        good.replace(TAG, &TAG.replace("PPc", "PPd")),
        format!("{good}="),
        format!("{good}$"),
        format!("{good}\n"),
        good.replace(TAG, "ü"),
        good[..good.len() - TAG.len() - 1].to_owned(),
        OF_LONG.replace("$04$", "$4$"),
        OF_LONG.replace("$04$", "$+4$"),
        OF_LONG[..59].to_owned(),
        format!("{OF_LONG}."),
        OF_LONG.replace('G', "ü"),
        FOREIGN[10].replace("ln=4", "n=4"),
        FOREIGN[12].replace('.', "+"),
        FOREIGN[19].replace("l=32", "l=31"),
        FOREIGN[19].replace("i=12", "i="),
        FOREIGN[16].replace('=', ""),
        FOREIGN[16].replace("oQJlhuhRxCUD", "oQJlhuhR-CUD"),
        "$2b$".to_owned(),
        "$argon2id".to_owned(),
    ];
    for text in by_cost.iter().chain(&by_form) {
        assert_eq!(
            StoredHash::parse(text),
            Err(UnreadableHash::Damaged),
            "{text}"
        );
    }
}

#[test]
fn a_text_that_begins_with_no_format_is_unknown() {
    let good = argon2id("m=64,t=1,p=1");
    for text in [
        "",
        "$",
        "ä€𝄞",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "$2x$04$mlVJPoIPf73q.mabFWtFH.54w5K8bbxhTlbsW0SxPrRaK5AEOIyUe",
        "$5$rounds=5000$saltsalt$tag",
        "scrypt:32768:8:1$salt$00",
        &format!(" {good}"),
        &good.replace("argon2id", "ARGON2ID"),
    ] {
        assert_eq!(StoredHash::parse(text), Err(UnknownFormat), "{text:?}");
    }
}

fn any_algorithm() -> impl Strategy<Value = Algorithm> {
    let digest = prop_oneof![
        Just(Digest::Sha1),
        Just(Digest::Sha256),
        Just(Digest::Sha512)
    ];
    let variant = prop_oneof![
        Just(Variant::Argon2d),
        Just(Variant::Argon2i),
        Just(Variant::Argon2id)
    ];
    let version = prop_oneof![Just(Version::V0x10), Just(Version::V0x13)];
    let cost = (64..=52_428_u32, 1..=10_u32, 1..=8_u32);
    prop_oneof![
        (variant, version, cost).prop_map(|(variant, version, (m, t, p))| Algorithm::Argon2 {
            variant,
            version,
            parameters: Parameters::new(m, t, p).unwrap(),
        }),
        (4..=13_u32).prop_map(|cost| Algorithm::bcrypt(cost).unwrap()),
        (1..=16_u32, 1..=8_u32, 1..=5_u32)
            .prop_map(|(log_n, r, p)| Algorithm::scrypt(log_n, r, p).unwrap()),
        (digest, 1..=2_000_000_u32)
            .prop_map(|(digest, rounds)| Algorithm::pbkdf2(digest, rounds).unwrap()),
    ]
}

fn any_stored() -> impl Strategy<Value = StoredHash> {
    let bytes = |lengths| prop::collection::vec(any::<u8>(), lengths);
    (any_algorithm(), bytes(SALT_BYTES), bytes(TAG_BYTES)).prop_map(|(algorithm, salt, tag)| {
        let (salt, tag) = match algorithm {
            Algorithm::Bcrypt { .. } => (vec![salt[0]; 16], vec![tag[0]; 23]),
            Algorithm::Argon2 { .. } | Algorithm::Scrypt { .. } | Algorithm::Pbkdf2 { .. } => {
                (salt, tag)
            }
        };
        StoredHash {
            algorithm,
            salt,
            tag,
        }
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = StoredHash::parse(&text);
    }

    #[test]
    fn no_text_that_is_nearly_a_hash_panics(
        index in 0..FOREIGN.len(), at in 0..100_usize, drop in 0..4_usize, put in ".{0,3}"
    ) {
        let mut text: Vec<char> = FOREIGN[index].chars().collect();
        let at = at.min(text.len());
        let end = (at + drop).min(text.len());
        text.splice(at..end, put.chars());
        let _ = StoredHash::parse(&text.into_iter().collect::<String>());
    }

    #[test]
    fn a_written_hash_is_parsed_back(stored in any_stored()) {
        prop_assert_eq!(StoredHash::parse(&stored.to_string()), Ok(stored));
    }

    #[test]
    fn a_parsed_text_is_written_the_same(
        text in r"\$argon2id\$v=19\$m=[0-9]{2,7},t=[0-9]{1,2},p=[0-9]\$[A-Za-z0-9+/=]{10,24}\$[A-Za-z0-9+/]{20,44}\$?"
    ) {
        if let Ok(stored) = StoredHash::parse(&text) {
            prop_assert_eq!(stored.to_string(), text);
        }
    }
}
