//! The binary from outside: arguments in; standard output, standard error, exit code out.

mod browser;
mod corpus;
mod errors;
mod help;
mod power;
mod readme;
mod replay;
mod report;
mod shrink;
mod support;
mod sweep;
mod verify_fix;
mod views;
mod webdriver;
mod why;
