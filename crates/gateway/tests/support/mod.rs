//! A small instance on a real store, with a clock that tests set and a world outside that does what they say.

mod briefer;
mod code;
mod fault;
mod fixtures;
mod flags;
mod model;
mod outside;
mod product;
mod readers;
mod repo;
mod time;
mod tool;
mod world;

pub use briefer::{FakeBriefer, Note};
pub use code::FakeCode;
pub use fault::Fault;
pub use flags::FakeFlags;
pub use model::{FakeModel, Says, Script, completion};
pub use outside::FakeOutside;
pub use product::{FakeProduct, Incident};
pub use readers::FakeReaders;
pub use repo::FakeRepo;
pub use time::{StillClock, TestClock};
pub use tool::{FakeTool, says};
pub use world::{CANARY, MERGE_SHA, NOW, World, by, merge_482, minutes};
