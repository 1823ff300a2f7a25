//! Timers of orders (order-domain 1.4): on a simulated clock, each row by itself, a backlog, restarts, and other limits.

mod backlog;
mod day;
mod findings;
mod kafka;
mod rows;
mod scene;
