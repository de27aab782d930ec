//! The detector on simulated metrics, and the ranking of causes.

mod calm;
mod causes;
mod contract;
mod lasting;
mod power;
mod sim;
