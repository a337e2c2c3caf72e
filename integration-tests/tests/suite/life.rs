//! What a region goes through: it is created, followed, written by one after the other, grows, is replaced, listed, removed.

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
