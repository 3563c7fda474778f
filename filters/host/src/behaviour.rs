//! What a behaviour is, and how several become a chain.

use std::time::Duration;

use shared::plan::Plan;

use crate::done::DonePhase;
use crate::phase::{AttendPhase, RequestPhase, ResponsePhase};
use crate::reply::Reply;
use crate::vm::Vm;

/// One thing that Sailcloth does to requests: routes them, delays them, counts them.
///
/// A behaviour is made once for a configuration; what it remembers of one request is its [`Behaviour::Stream`]. Every
/// method has a default that does nothing.
pub trait Behaviour: Sized + 'static {
    /// What it remembers of one request.
    type Stream: Default;

    /// Made for a configuration.
    fn new(plan: &Plan) -> Self;

    /// The request's headers are here.
    fn request(&self, _own: &mut Self::Stream, _request: &mut RequestPhase<'_>) -> Step {
        Step::Next
    }

    /// The wait that it asked for is over; the same request, possibly on another tick.
    fn resume(&self, _own: &mut Self::Stream, _request: &mut RequestPhase<'_>) -> Step {
        Step::Next
    }

    /// The response's headers are here, from the destination, from Envoy or from a filter further in.
    fn response(&self, _own: &mut Self::Stream, _response: &mut ResponsePhase<'_>) {}

    /// The stream has ended, however it ended; a stream that never saw a response included.
    fn done(&self, _own: &mut Self::Stream, _done: &mut DonePhase<'_>) {}

    /// No stream's turn: the time that it asked for has come, or another VM has woken this one.
    fn attend(&self, _vm: &mut AttendPhase<'_>) {}

    /// The configuration goes, all of its streams have ended: what it holds of what VMs share is given back. A VM that
    /// dies is not asked.
    fn close(&self, _vm: Vm<'_>) {}
}

/// How a request goes on.
#[derive(Debug)]
pub enum Step {
    /// To the next behaviour, and after the last to Envoy's next filter.
    Next,
    /// Nowhere, until the wait is over; then [`Behaviour::resume`] is asked.
    Wait(Wait),
    /// Back: it is answered here, and behaviours further in never see it.
    Reply(Reply),
}

/// How long a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For so long; Envoy's clock ticks in milliseconds.
    For(Duration),
    /// Until [`AttendPhase::wake`] ends it, at most so long; without end as long as the client waits.
    UntilWoken(Option<Duration>),
}

/// Behaviours in their order. A module has one alone, the suite a tuple of all.
pub trait Chain: Sized + 'static {
    /// What all of them remember of one request.
    type Streams: Default;

    /// How many there are.
    const LENGTH: usize;

    /// Whether decisions are handed over to other modules; in one module the decision is a field of the stream.
    const HANDS_OVER: bool;

    /// Made for a configuration.
    fn new(plan: &Plan) -> Self;

    /// Asks the behaviour at `index`, for the first time or after its wait.
    fn request(&self, index: usize, resumed: bool, own: &mut Self::Streams, request: &mut RequestPhase<'_>) -> Step;

    /// Shows the response to the behaviour at `index`.
    fn response(&self, index: usize, own: &mut Self::Streams, response: &mut ResponsePhase<'_>);

    /// Shows the end to the behaviour at `index`.
    fn done(&self, index: usize, own: &mut Self::Streams, done: &mut DonePhase<'_>);

    /// Asks all of them to look after what they share.
    fn attend(&self, vm: &mut AttendPhase<'_>);

    /// Asks all of them to give back what they share.
    fn close(&self, vm: Vm<'_>);
}

/// A behaviour in a module of its own.
#[derive(Debug)]
pub struct Alone<B>(B);

impl<B: Behaviour> Chain for Alone<B> {
    type Streams = B::Stream;
    const LENGTH: usize = 1;
    const HANDS_OVER: bool = true;

    fn new(plan: &Plan) -> Self {
        Alone(B::new(plan))
    }

    fn request(&self, _: usize, resumed: bool, own: &mut B::Stream, request: &mut RequestPhase<'_>) -> Step {
        ask(&self.0, resumed, own, request)
    }

    fn response(&self, _: usize, own: &mut B::Stream, response: &mut ResponsePhase<'_>) {
        self.0.response(own, response);
    }

    fn done(&self, _: usize, own: &mut B::Stream, done: &mut DonePhase<'_>) {
        self.0.done(own, done);
    }

    fn attend(&self, vm: &mut AttendPhase<'_>) {
        self.0.attend(vm);
    }

    fn close(&self, vm: Vm<'_>) {
        self.0.close(vm);
    }
}

fn ask<B: Behaviour>(behaviour: &B, resumed: bool, own: &mut B::Stream, request: &mut RequestPhase<'_>) -> Step {
    if resumed { behaviour.resume(own, request) } else { behaviour.request(own, request) }
}

macro_rules! chain {
    ($length:literal: $($Behaviour:ident $index:tt),+) => {
        impl<$($Behaviour: Behaviour),+> Chain for ($($Behaviour,)+) {
            type Streams = ($($Behaviour::Stream,)+);
            const LENGTH: usize = $length;
            const HANDS_OVER: bool = false;

            fn new(plan: &Plan) -> Self {
                ($($Behaviour::new(plan),)+)
            }

            fn request(
                &self,
                index: usize,
                resumed: bool,
                own: &mut Self::Streams,
                request: &mut RequestPhase<'_>,
            ) -> Step {
                match index {
                    $($index => ask(&self.$index, resumed, &mut own.$index, request),)+
                    _ => Step::Next,
                }
            }

            fn response(&self, index: usize, own: &mut Self::Streams, response: &mut ResponsePhase<'_>) {
                match index {
                    $($index => self.$index.response(&mut own.$index, response),)+
                    _ => {}
                }
            }

            fn done(&self, index: usize, own: &mut Self::Streams, done: &mut DonePhase<'_>) {
                match index {
                    $($index => self.$index.done(&mut own.$index, done),)+
                    _ => {}
                }
            }

            fn attend(&self, vm: &mut AttendPhase<'_>) {
                $(self.$index.attend(vm);)+
            }

            fn close(&self, vm: Vm<'_>) {
                $(self.$index.close(vm);)+
            }
        }
    };
}

chain!(1: A 0);
chain!(2: A 0, B 1);
chain!(3: A 0, B 1, C 2);
chain!(4: A 0, B 1, C 2, D 3);
chain!(5: A 0, B 1, C 2, D 3, E 4);
chain!(6: A 0, B 1, C 2, D 3, E 4, F 5);
