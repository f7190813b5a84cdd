//! Numbers of clients, containers and faults: their places in the plan, unless the plan says.
//!
//! Names of things and keys of choices carry these numbers. A plan from which something was taken
//! out says the numbers of what is left, so that everything keeps its name and its choices.

/// Something of which a plan has several.
pub trait Numbered {
    /// What it is called, for errors.
    const NAME: &'static str;

    /// The number that the plan says; none means its place, from 0.
    fn number(&self) -> Option<u32>;

    /// Says its number.
    fn set_number(&mut self, number: Option<u32>);
}

/// All of a list, with their numbers, in ascending order.
pub(super) fn with_numbers<T: Numbered>(list: &[T]) -> impl Iterator<Item = (u32, &T)> {
    let place = list.iter().zip(0..);
    place.map(|(item, place)| (item.number().unwrap_or(place), item))
}

/// The same, for editing.
pub fn with_numbers_mut<T: Numbered>(list: &mut [T]) -> impl Iterator<Item = (u32, &mut T)> {
    let place = list.iter_mut().zip(0..);
    place.map(|(item, place)| (item.number().unwrap_or(place), item))
}

/// The place of the one with this number, if there is one.
pub(super) fn place_of<T: Numbered>(list: &[T], number: u32) -> Option<usize> {
    match list.first()?.number() {
        None => Some(number as usize).filter(|place| *place < list.len()),
        Some(_) => list
            .binary_search_by_key(&Some(number), Numbered::number)
            .ok(),
    }
}

/// Says what is wrong with the numbers of a list: all have one or none has, and they ascend.
pub(super) fn check<T: Numbered>(list: &[T]) -> Result<(), String> {
    let place = |n: usize| format!("{} {} of {}", T::NAME, n + 1, list.len());
    for (n, pair) in list.windows(2).enumerate() {
        let (here, next) = (pair[0].number(), pair[1].number());
        match (here, next) {
            (None, None) => {}
            (Some(here), Some(next)) if here < next => {}
            (Some(here), Some(next)) => {
                return Err(format!(
                    "{} has the number {next} after {here}; numbers ascend",
                    place(n + 1)
                ));
            }
            (Some(_), None) => {
                return Err(format!(
                    "{} has no number and the one before it has; number all or none",
                    place(n + 1)
                ));
            }
            (None, Some(_)) => {
                return Err(format!(
                    "{} has a number and the one before it has none; number all or none",
                    place(n + 1)
                ));
            }
        }
    }
    Ok(())
}

/// Keeps only what `keeps` says of numbers; what is left keeps its number.
pub(super) fn retain<T: Numbered>(list: &mut Vec<T>, mut keeps: impl FnMut(u32) -> bool) {
    for (number, item) in with_numbers_mut(list) {
        item.set_number(Some(number));
    }
    list.retain(|item| item.number().is_none_or(&mut keeps));
    // Numbers that say no more than the places are not written.
    if with_numbers(list)
        .zip(0..)
        .all(|((number, _), place)| number == place)
    {
        list.iter_mut().for_each(|item| item.set_number(None));
    }
}

/// The numbers of a list in words, for errors.
pub(super) fn in_words<T: Numbered>(list: &[T]) -> String {
    match (list.first().and_then(Numbered::number), list.len()) {
        (None, count) => format!("{}s are 0 to {}", T::NAME, count.saturating_sub(1)),
        (Some(_), _) => {
            let numbers: Vec<String> = with_numbers(list).map(|(n, _)| n.to_string()).collect();
            format!("{}s are {}", T::NAME, numbers.join(", "))
        }
    }
}
