//! Resets in any order: asked for, skipped, repeated, swapped, late, forged. A model says what must
//! come of each step.

use chrono::DateTime;
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use vestibule::domain::{Clock, TokenPurpose};

use super::assert_token_invalid;
use crate::harness::{Database, Issue, PASSWORD, Server, TOKEN_LIFETIME, figure, phrase, scale};

on_both_databases!(no_sequence_of_steps_resets_what_it_may_not);

#[derive(Debug, Clone)]
enum Step {
    /// Mail arrives for a user.
    Issue(usize),
    /// Any token so far is redeemed, good or not, as it is or changed.
    Redeem(prop::sample::Index, Change),
    /// Time passes.
    Wait(u32),
    /// A user changes the password otherwise.
    Change(usize),
    /// A user is disabled and enabled.
    Disable(usize),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    None,
    Truncated,
    Forged,
    Repeated,
}

/// A token as the model knows it.
struct Known {
    text: String,
    user: usize,
    expires_at: u32,
    live: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = prop_oneof![
        4 => Just(Change::None),
        1 => Just(Change::Truncated),
        1 => Just(Change::Forged),
        1 => Just(Change::Repeated),
    ];
    let step = prop_oneof![
        4 => (0..2_usize).prop_map(Step::Issue),
        5 => (any::<prop::sample::Index>(), change).prop_map(|(at, how)| Step::Redeem(at, how)),
        2 => (1..11_u32).prop_map(Step::Wait),
        1 => (0..2_usize).prop_map(Step::Change),
        1 => (0..2_usize).prop_map(Step::Disable),
    ];
    vec(step, 1..12)
}

/// Two users, their passwords, and all tokens.
struct World<'a> {
    app: &'a Server,
    clock: &'a Clock,
    users: [String; 2],
    passwords: [String; 2],
    tokens: Vec<Known>,
    /// In minutes.
    now: u32,
}

impl World<'_> {
    async fn step(&mut self, step: Step) {
        match step {
            Step::Issue(user) => {
                let issue = Issue {
                    at: self.clock.now(),
                    ..Issue::of(TokenPurpose::PasswordReset)
                };
                self.tokens.push(Known {
                    text: self.app.issue(&self.users[user], issue).await,
                    user,
                    expires_at: self.now + 10,
                    live: true,
                });
            }
            Step::Redeem(_, _) if self.tokens.is_empty() => {}
            Step::Redeem(at, how) => {
                let at = at.index(self.tokens.len());
                self.redeem(at, how).await;
                if how == Change::Repeated {
                    self.redeem(at, Change::None).await;
                }
            }
            Step::Wait(minutes) => {
                self.now += minutes;
                self.clock.advance(TOKEN_LIFETIME / 10 * minutes);
            }
            Step::Change(user) => {
                let (address, new) = (self.users[user].clone(), phrase());
                self.app.change_password(&address, &new).await;
                self.passwords[user] = new;
                self.void(user);
            }
            Step::Disable(user) => {
                let id = self.app.stored(&self.users[user]).await.id.to_string();
                self.app.disable(&id).await;
                self.app.enable(&id).await;
                self.void(user);
            }
        }
    }

    async fn redeem(&mut self, at: usize, how: Change) {
        let token = &self.tokens[at];
        let (user, live) = (token.user, token.live && token.expires_at > self.now);
        let mut text = token.text.clone();
        match how {
            Change::None | Change::Repeated => {}
            Change::Truncated => text.truncate(71),
            Change::Forged => {
                let other = if &text[40..41] == "A" { "B" } else { "A" };
                text.replace_range(40..41, other);
            }
        }
        let is_whole = matches!(how, Change::None | Change::Repeated);
        let new = phrase();
        let told = self.app.account().reset_password(&text, &new).await;
        if is_whole && live {
            told.unwrap();
            self.passwords[user] = new;
            self.void(user);
        } else {
            assert_token_invalid(told);
        }
    }

    fn void(&mut self, user: usize) {
        for token in self.tokens.iter_mut().filter(|token| token.user == user) {
            token.live = false;
        }
    }
}

/// (A5) 20 sequences in CI, 500 for the scorecard.
async fn no_sequence_of_steps_resets_what_it_may_not(database: Database) {
    let clock = Clock::manual(DateTime::from_timestamp(1_900_000_000, 0).unwrap());
    let moved = clock.clone();
    let plan = Server::on(database).await;
    let app = plan.hooks(|hooks| hooks.clock = Some(moved)).start().await;
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let (sequences, all) = (scale(20, 500), steps());
    for _ in 0..sequences {
        let users = [
            app.grpc().registered().await.email,
            app.grpc().registered().await.email,
        ];
        let mut world = World {
            app: &app,
            clock: &clock,
            users,
            passwords: [(); 2].map(|()| PASSWORD.to_owned()),
            tokens: Vec::new(),
            now: 0,
        };
        let steps = all.new_tree(&mut runner).unwrap().current();
        for step in steps.clone() {
            world.step(step).await;
        }
        for (user, password) in world.users.iter().zip(&world.passwords) {
            assert!(app.grpc().is_valid(user, password).await, "{steps:?}");
        }
    }
    figure("A5", format_args!("0 bypasses in {sequences} sequences"));
}
