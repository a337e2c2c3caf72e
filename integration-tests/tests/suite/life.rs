//! Tests of the life of a region: it is created, followed, written by several writers in turn,
//! grown, replaced, listed and removed.

mod exchange;
mod following;
mod limits;
mod load;
mod looking;
mod loss;
mod races;
mod removal;
mod winners;
mod writers;
