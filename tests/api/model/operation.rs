//! What may happen. Operations name users, sessions and tokens by small numbers, which are resolved
//! against what there is when their turn comes: so any part of a sequence is a sequence, and shrinks.

/// One of a few addresses; from four on in capitals.
pub(super) type Address = u8;
/// The address of one of the users; from eight on one of the few.
pub(super) type Known = u8;
/// One of the users; from eight on one of those who were erased as well.
pub(super) type Whom = u8;
/// One of the live sessions, of anybody, from the last; from eight on one of those that ended as well.
pub(super) type Which = u8;

/// One of the good secrets that were told, from the last, and what became of it on the way; from eight
/// on one of those that are not good any more as well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proof(pub(super) u8, pub(super) Shape);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    /// The right id with another secret.
    Forged,
    Cut,
    /// A secret of another kind.
    Foreign,
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

/// What is presented besides the token of a verification.
#[derive(Debug, Clone, Copy)]
pub(super) enum Knowledge {
    Nothing,
    Session(Proof),
    Password(Guess),
}

/// What a caller says of an address that was never verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unverified {
    Refuse,
    Allow,
    Claim,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Register(Address, New, Option<u8>),
    RegisterByRest(Address, New, Option<u8>),
    Login(Known, Guess),
    Open(Known, Guess),
    Validate(Proof),
    ValidateAll,
    Rotate(Proof),
    RotateLate(Proof),
    Revoke(Proof),
    Account(Proof),
    AccountByRest(Proof, Asked),
    OwnSessions(Proof),
    EndById(Proof, Which),
    EndOthers(Proof),
    Reauthenticate(Proof, Guess),
    ChangePassword(Proof, Guess, New),
    /// Wrong ones, so many.
    GuessPassword(Proof, u8),
    AskForReset(Known),
    Reset(Proof, New),
    AskForVerification(Known),
    Verify(Proof, Knowledge),
    AskForChange(Proof, Guess, Address),
    CancelChange(Proof),
    ConfirmChange(Proof),
    Restore(Proof, New),
    Close(Proof, Guess),
    Find(Name),
    Pages(Option<bool>),
    Update(Whom, Option<Address>, Option<bool>, Etag),
    Disable(Whom),
    Enable(Whom),
    Delete(Whom),
    OpenFor(Name, Unverified),
    CreateReset(Name),
    EndSessions(Whom, Ended),
    Export(Whom),
    Import(Row),
    Events(Whom),
    Wait(Pause),
    Purge,
}

/// What a user is asked for by, in the path of REST.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    Me,
    Id(Whom),
}

/// What a caller names a user by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name {
    Id(Whom),
    Email(Known),
    Session(Which),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Etag {
    None,
    Current,
    Former,
}

/// Which sessions a caller ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ended {
    All,
    But(Which),
    One(Which),
    /// Those that are older than this one.
    Before(Which),
    BeforeTomorrow,
}

/// A row to import.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) at: Address,
    /// `None`: a new id. That of one of the users so far, erased or not.
    pub(super) id: Option<u8>,
    pub(super) disabled: bool,
    pub(super) verified: bool,
    /// It comes a second time.
    pub(super) twice: bool,
    pub(super) validate_only: bool,
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
