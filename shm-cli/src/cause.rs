//! Finds the library's error in a failure, whichever operation it comes from.

use shm_core::{BlockError, Error, OpenError, PublishError, ReceiveError};

/// An error of the library. An error from replacing a region counts as one of opening the new file.
#[derive(Clone, Copy)]
pub(crate) enum Cause<'e> {
    Open(&'e OpenError),
    Publish(&'e PublishError),
    Receive(&'e ReceiveError),
    Block(&'e BlockError),
}

impl<'e> Cause<'e> {
    /// Returns the library's error, or `None` if the failure has another cause.
    pub(crate) fn of(error: &'e anyhow::Error) -> Option<Self> {
        let open = || error.downcast_ref().map(Self::Open);
        let publish = || error.downcast_ref().map(Self::publishing);
        let receive = || error.downcast_ref().map(Self::receiving);
        let block = || error.downcast_ref().map(Self::Block);
        let any = || error.downcast_ref().and_then(Self::any);
        open().or_else(publish).or_else(receive).or_else(block).or_else(any)
    }

    fn any(error: &'e Error) -> Option<Self> {
        match error {
            Error::Open(error) => Some(Self::Open(error)),
            Error::Publish(error) => Some(Self::publishing(error)),
            Error::Receive(error) => Some(Self::receiving(error)),
            Error::Block(error) => Some(Self::Block(error)),
            _ => None,
        }
    }

    fn publishing(error: &'e PublishError) -> Self {
        match error {
            PublishError::Grow(error) => Self::Open(error),
            error => Self::Publish(error),
        }
    }

    fn receiving(error: &'e ReceiveError) -> Self {
        match error {
            ReceiveError::Reopen(error) => Self::Open(error),
            error => Self::Receive(error),
        }
    }
}
