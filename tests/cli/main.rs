//! The binary from outside: arguments in; standard output, standard error, exit code out. Beside it,
//! what holds for the sources (`layers`) and the texts (`words`) of the whole repository.

mod accept;
mod browser;
mod corpus;
mod errors;
mod field;
mod help;
mod layers;
mod limits;
mod power;
mod readme;
mod replay;
mod report;
mod shrink;
mod support;
mod sweep;
mod tested;
mod verify_fix;
mod views;
mod violation;
mod webdriver;
mod why;
mod words;
