//! What others may do to a region and to those who use it: damaged and changing files, other users, namespaces, file systems.

mod bit_flips;
mod damaged;
mod file_systems;
mod isolation;
mod mutating;
mod namespaces;
mod neighbours;
mod permissions;
