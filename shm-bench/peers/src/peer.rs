//! The peers: the code that each of them needs to be measured in the framework.

#[expect(unsafe_code, reason = "its interface demands it")]
pub mod iceoryx2;
pub mod ipc_channel;
pub mod python;
#[expect(unsafe_code, reason = "its interface demands it")]
pub mod shmem_ipc;
pub mod stream;
pub mod wires;
