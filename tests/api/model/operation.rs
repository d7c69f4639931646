//! What may happen. Operations name users, sessions and tokens by small numbers, which are resolved
//! against what there is when their turn comes: so any part of a sequence is a sequence, and shrinks.

use proptest::{collection::vec, prelude::*};

/// One of a few addresses; from four on in capitals.
pub(super) type Address = u8;
/// One of the users so far, erased ones included.
pub(super) type Whom = u8;
/// One of the sessions so far, of anybody.
pub(super) type Which = u8;

/// A secret that was told before, the how manieth from the last, and what became of it on the way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proof(pub(super) u8, pub(super) Shape);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    /// The right id with another secret.
    Forged,
    Cut,
}

/// A current password.
#[derive(Debug, Clone, Copy)]
pub(super) enum Guess {
    Right,
    /// One of those that users have here, which may be right by chance.
    Other(u8),
}

/// A password to set.
#[derive(Debug, Clone, Copy)]
pub(super) enum New {
    Good(u8),
    Short,
    /// The user's address.
    Address,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Register(Address, New, Option<u8>),
    RegisterByRest(Address, New, Option<u8>),
    Login(Address, Guess),
    Open(Address, Guess),
    Validate(Proof),
    ValidateAll,
    Rotate(Proof),
    Revoke(Proof),
    Wait(Pause),
    Purge,
}

/// How long nothing happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pause {
    Minutes(u8),
    Hours(u8),
    Days(u8),
    /// Until something ends that has a limit, or until the last moment before.
    UntilLimit(u8, Moment),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    At,
    Before,
}

/// A sequence of so many at most.
pub(super) fn operations(most: usize) -> impl Strategy<Value = Vec<Operation>> {
    vec(prop_oneof![6 => auth(), 2 => time()], 1..=most)
}

fn auth() -> impl Strategy<Value = Operation> {
    use Operation::{Login, Open, Register, RegisterByRest, Revoke, Rotate, Validate, ValidateAll};
    let id = || prop::option::weighted(0.4, 0..3_u8);
    prop_oneof![
        6 => (address(), new(), id()).prop_map(|(at, new, id)| Register(at, new, id)),
        1 => (address(), new(), id()).prop_map(|(at, new, id)| RegisterByRest(at, new, id)),
        2 => (address(), guess()).prop_map(|(at, guess)| Login(at, guess)),
        8 => (address(), guess()).prop_map(|(at, guess)| Open(at, guess)),
        3 => proof().prop_map(Validate),
        1 => Just(ValidateAll),
        4 => proof().prop_map(Rotate),
        2 => proof().prop_map(Revoke),
    ]
}

fn time() -> impl Strategy<Value = Operation> {
    use Pause::{Days, Hours, Minutes, UntilLimit};
    let moment = prop_oneof![Just(Moment::At), Just(Moment::Before)];
    let pause = prop_oneof![
        2 => (1..12_u8).prop_map(Minutes),
        1 => (1..30_u8).prop_map(Hours),
        1 => (1..40_u8).prop_map(Days),
        3 => (0..16_u8, moment).prop_map(|(limit, moment)| UntilLimit(limit, moment)),
    ];
    prop_oneof![4 => pause.prop_map(Operation::Wait), 1 => Just(Operation::Purge)]
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![6 => 0..3_u8, 1 => 3..8_u8]
}

fn proof() -> impl Strategy<Value = Proof> {
    let shape =
        prop_oneof![8 => Just(Shape::Whole), 1 => Just(Shape::Forged), 1 => Just(Shape::Cut)];
    (0..10_u8, shape).prop_map(|(back, shape)| Proof(back, shape))
}

fn guess() -> impl Strategy<Value = Guess> {
    prop_oneof![5 => Just(Guess::Right), 1 => (0..4_u8).prop_map(Guess::Other)]
}

fn new() -> impl Strategy<Value = New> {
    prop_oneof![
        10 => (0..4_u8).prop_map(New::Good),
        1 => Just(New::Short),
        1 => Just(New::Address),
    ]
}
