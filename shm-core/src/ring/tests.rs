//! Models and tests of the protocol.
