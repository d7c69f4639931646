//! How sequences come about: by chance, but so that much of what is asked for is granted.

use proptest::{collection::vec, prelude::*};

use super::operation::{
    Address, Asked, Ended, Etag, Guess, Knowledge, Moment, Name, New, Operation, Pause, Proof, Row,
    Shape, Unverified,
};
use Operation as Op;

/// A sequence of so many at most, after some who register and log in. In most there is much of one
/// kind, so that one thing leads to another.
pub(super) fn operations(most: usize) -> impl Strategy<Value = Vec<Operation>> {
    let start = prop_oneof![
        (0..2_u8).prop_map(|at| Op::Register(at, New::Good(at), None)),
        few().prop_map(|at| Op::Open(at, Guess::Right)),
    ];
    let any = prop_oneof![
        vec(mixed([5, 5, 5, 5, 2, 3]), 1..=most),
        vec(mixed([9, 9, 1, 3, 1, 3]), 1..=most),
        vec(mixed([4, 1, 15, 2, 1, 2]), 1..=most),
        vec(mixed([4, 2, 3, 9, 5, 2]), 1..=most),
    ];
    let moved = prop_oneof![3 => Just(Vec::new()), 1 => Just(moved().to_vec())];
    (vec(start, 0..12), moved, any).prop_map(|(start, moved, any)| [start, moved, any].concat())
}

/// A user who verified an address, has another one now, and may take the former back.
fn moved() -> [Operation; 7] {
    let last = Proof(0, Shape::Whole);
    [
        Op::Register(0, New::Good(0), None),
        Op::Open(0, Guess::Right),
        Op::AskForVerification(0),
        Op::Verify(last, Knowledge::Password(Guess::Right)),
        Op::AskForChange(last, Guess::Right, 3),
        Op::ConfirmChange(last),
        Op::Open(0, Guess::Right),
    ]
}

fn mixed(
    [first, second, third, fourth, fifth, sixth]: [u32; 6],
) -> impl Strategy<Value = Operation> {
    // Boxed: together they are larger than a stack.
    prop_oneof![
        first => auth().boxed(),
        second => account().boxed(),
        third => tokens().boxed(),
        fourth => users().boxed(),
        fifth => callers().boxed(),
        sixth => time().boxed(),
    ]
}

fn auth() -> impl Strategy<Value = Operation> {
    let id = || prop::option::weighted(0.4, 0..3_u8);
    prop_oneof![
        3 => (address(), new(), id()).prop_map(|(at, new, id)| Op::Register(at, new, id)),
        1 => (address(), new(), id()).prop_map(|(at, new, id)| Op::RegisterByRest(at, new, id)),
        1 => (few(), guess()).prop_map(|(at, guess)| Op::Login(at, guess)),
        12 => (few(), guess()).prop_map(|(at, guess)| Op::Open(at, guess)),
        2 => proof().prop_map(Op::Validate),
        1 => Just(Op::ValidateAll),
        5 => proof().prop_map(Op::Rotate),
        1 => proof().prop_map(Op::RotateLate),
        1 => proof().prop_map(Op::Revoke),
    ]
}

fn account() -> impl Strategy<Value = Operation> {
    let asked = prop_oneof![Just(Asked::Me), few().prop_map(Asked::Id)];
    prop_oneof![
        1 => proof().prop_map(Op::Account),
        1 => (proof(), asked).prop_map(|(proof, asked)| Op::AccountByRest(proof, asked)),
        1 => proof().prop_map(Op::OwnSessions),
        2 => (proof(), few()).prop_map(|(proof, which)| Op::EndById(proof, which)),
        2 => proof().prop_map(Op::EndOthers),
        1 => (proof(), guess()).prop_map(|(proof, guess)| Op::Reauthenticate(proof, guess)),
        3 => (proof(), guess(), new())
            .prop_map(|(proof, guess, new)| Op::ChangePassword(proof, guess, new)),
        2 => (proof(), 1..6_u8).prop_map(|(proof, times)| Op::GuessPassword(proof, times)),
        1 => (proof(), guess()).prop_map(|(proof, guess)| Op::Close(proof, guess)),
    ]
}

fn tokens() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => few().prop_map(Op::AskForReset),
        3 => name().prop_map(Op::CreateReset),
        2 => (proof(), new()).prop_map(|(proof, new)| Op::Reset(proof, new)),
        2 => few().prop_map(Op::AskForVerification),
        3 => (proof(), knowledge()).prop_map(|(proof, knows)| Op::Verify(proof, knows)),
        3 => (proof(), guess(), address())
            .prop_map(|(proof, guess, at)| Op::AskForChange(proof, guess, at)),
        1 => proof().prop_map(Op::CancelChange),
        3 => proof().prop_map(Op::ConfirmChange),
        2 => (proof(), new()).prop_map(|(proof, new)| Op::Restore(proof, new)),
    ]
}

fn knowledge() -> impl Strategy<Value = Knowledge> {
    prop_oneof![
        1 => Just(Knowledge::Nothing),
        2 => proof().prop_map(Knowledge::Session),
        2 => guess().prop_map(Knowledge::Password),
    ]
}

fn unverified() -> impl Strategy<Value = Unverified> {
    prop_oneof![
        Just(Unverified::Refuse),
        Just(Unverified::Allow),
        Just(Unverified::Claim),
    ]
}

fn users() -> impl Strategy<Value = Operation> {
    let etag = prop_oneof![Just(Etag::None), Just(Etag::Current), Just(Etag::Former)];
    let email = prop::option::weighted(0.7, address());
    let update = (few(), email, any::<Option<bool>>(), etag);
    prop_oneof![
        3 => update.prop_map(|(whom, at, verified, etag)| Op::Update(whom, at, verified, etag)),
        1 => few().prop_map(Op::Disable),
        2 => few().prop_map(Op::Enable),
        1 => few().prop_map(Op::Delete),
        2 => (name(), unverified()).prop_map(|(name, unverified)| Op::OpenFor(name, unverified)),
        4 => (few(), ended()).prop_map(|(whom, ended)| Op::EndSessions(whom, ended)),
    ]
}

fn callers() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => name().prop_map(Op::Find),
        1 => any::<Option<bool>>().prop_map(Op::Pages),
        1 => few().prop_map(Op::Export),
        4 => row().prop_map(Op::Import),
        1 => few().prop_map(Op::Events),
    ]
}

fn time() -> impl Strategy<Value = Operation> {
    let limit = prop_oneof![2 => 0..3_u8, 1 => 3..16_u8];
    let moment = prop_oneof![Just(Moment::At), Just(Moment::Before)];
    let pause = prop_oneof![
        4 => (1..12_u8).prop_map(Pause::Minutes),
        1 => (1..30_u8).prop_map(Pause::Hours),
        1 => (1..40_u8).prop_map(Pause::Days),
        4 => (limit, moment).prop_map(|(limit, moment)| Pause::UntilLimit(limit, moment)),
    ];
    prop_oneof![4 => pause.prop_map(Op::Wait), 1 => Just(Op::Purge)]
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![6 => 0..3_u8, 1 => 3..8_u8]
}

fn proof() -> impl Strategy<Value = Proof> {
    let shape = prop_oneof![
        12 => Just(Shape::Whole),
        1 => Just(Shape::Forged),
        1 => Just(Shape::Cut),
        1 => Just(Shape::Foreign),
    ];
    (few(), shape).prop_map(|(at, shape)| Proof(at, shape))
}

/// Mostly those of which most comes.
fn few() -> impl Strategy<Value = u8> {
    prop_oneof![5 => 0..8_u8, 1 => 8..20_u8]
}

fn guess() -> impl Strategy<Value = Guess> {
    prop_oneof![5 => Just(Guess::Right), 1 => (0..4_u8).prop_map(Guess::Other)]
}

fn new() -> impl Strategy<Value = New> {
    prop_oneof![
        12 => (0..4_u8).prop_map(New::Good),
        1 => Just(New::Short),
        1 => Just(New::Address),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        few().prop_map(Name::Id),
        few().prop_map(Name::Email),
        few().prop_map(Name::Session),
    ]
}

fn ended() -> impl Strategy<Value = Ended> {
    prop_oneof![
        2 => Just(Ended::All),
        4 => few().prop_map(Ended::But),
        2 => few().prop_map(Ended::One),
        4 => few().prop_map(Ended::Before),
        1 => Just(Ended::BeforeTomorrow),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let id = prop::option::weighted(0.5, 0..6_u8);
    let rare = || prop::bool::weighted(0.2);
    (address(), id, rare(), any::<bool>(), rare(), rare()).prop_map(
        |(at, id, disabled, verified, twice, validate_only)| Row {
            at,
            id,
            disabled,
            verified,
            twice,
            validate_only,
        },
    )
}
