//! The command as a person runs it, and what it writes as Envoy takes it.

// Said to be tests, so that the lints take their helpers for tests as well.
#[cfg(test)]
mod check;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod common;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod generate;
mod istioctl;
#[cfg(test)]
mod mesh_config;
#[cfg(test)]
mod protection;
#[cfg(test)]
mod run;
#[cfg(test)]
mod serves;
#[cfg(test)]
mod test;
#[cfg(test)]
mod validate;
