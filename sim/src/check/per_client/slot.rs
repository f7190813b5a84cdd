//! The values of one client, in place as long as there is only one.

/// What belongs to one client.
#[derive(Clone, Debug)]
pub(super) enum Slot<R, T> {
    Nothing,
    One(R, T),
    /// In the order of the keys.
    Several(Vec<(R, T)>),
}

impl<R: Copy + Ord, T> Slot<R, T> {
    pub(super) fn get(&self, rest: R) -> Option<&T> {
        match self {
            Slot::Nothing => None,
            Slot::One(of, value) => (*of == rest).then_some(value),
            Slot::Several(all) => {
                let place = all.binary_search_by_key(&rest, |(of, _)| *of).ok()?;
                Some(&all[place].1)
            }
        }
    }

    pub(super) fn get_mut(&mut self, rest: R) -> Option<&mut T> {
        match self {
            Slot::Nothing => None,
            Slot::One(of, value) => (*of == rest).then_some(value),
            Slot::Several(all) => {
                let place = all.binary_search_by_key(&rest, |(of, _)| *of).ok()?;
                Some(&mut all[place].1)
            }
        }
    }

    pub(super) fn insert(&mut self, rest: R, value: T) -> Option<T> {
        if let Some(known) = self.get_mut(rest) {
            return Some(std::mem::replace(known, value));
        }
        *self = match std::mem::replace(self, Slot::Nothing) {
            Slot::Nothing => Slot::One(rest, value),
            Slot::One(of, other) if of < rest => Slot::Several(vec![(of, other), (rest, value)]),
            Slot::One(of, other) => Slot::Several(vec![(rest, value), (of, other)]),
            Slot::Several(mut all) => {
                let place = all.partition_point(|(of, _)| *of < rest);
                all.insert(place, (rest, value));
                Slot::Several(all)
            }
        };
        None
    }

    pub(super) fn remove(&mut self, rest: R) -> Option<T> {
        self.get(rest)?;
        match std::mem::replace(self, Slot::Nothing) {
            Slot::Nothing => None,
            Slot::One(_, value) => Some(value),
            Slot::Several(mut all) => {
                let place = all.binary_search_by_key(&rest, |(of, _)| *of).ok()?;
                let (_, removed) = all.remove(place);
                if !all.is_empty() {
                    *self = Slot::Several(all);
                }
                Some(removed)
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (R, &T)> {
        let (one, several) = match self {
            Slot::Nothing => (None, &[][..]),
            Slot::One(of, value) => (Some((*of, value)), &[][..]),
            Slot::Several(all) => (None, &all[..]),
        };
        one.into_iter()
            .chain(several.iter().map(|(of, value)| (*of, value)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (R, &mut T)> {
        let (one, several) = match self {
            Slot::Nothing => (None, &mut [][..]),
            Slot::One(of, value) => (Some((*of, value)), &mut [][..]),
            Slot::Several(all) => (None, &mut all[..]),
        };
        one.into_iter()
            .chain(several.iter_mut().map(|(of, value)| (*of, value)))
    }
}
