//! Counts what is left when instructions are lists: each of those that can come next, one behind the other
//! (`Prog::Optimize`, `Prog::Flatten`).

use super::compile::{Code, Instruction, Kind};

/// Instructions that RE2 says the program has.
pub(super) fn size(code: &mut Code) -> usize {
    if code.start == 0 && code.unanchored == 0 {
        return 1;
    }
    skip(code);
    mark_matches(code);
    let mut lists =
        Lists { code, roots: vec![false; code.instructions.len()], reached: Vec::new(), times: Vec::new(), time: 0 };
    lists.times.resize(code.instructions.len(), 0);
    lists.successors();
    lists.dominators();
    lists.count()
}

/// Has all ways lead past what does nothing.
fn skip(code: &mut Code) {
    let is_nothing = |code: &Code, at: u32| {
        code.instructions.get(at as usize).filter(|it| at != 0 && it.kind == Kind::Nothing).map(|it| it.next)
    };
    for at in reachable(code, code.start) {
        let Some(Instruction { kind, mut next, mut other }) = code.instructions.get(at as usize).copied() else {
            continue;
        };
        while let Some(further) = is_nothing(code, next) {
            next = further;
        }
        while kind == Kind::Either
            && let Some(further) = is_nothing(code, other)
        {
            other = further;
        }
        if let Some(instruction) = code.instructions.get_mut(at as usize) {
            *instruction = Instruction { kind, next, other };
        }
    }
}

fn reachable(code: &Code, from: u32) -> Vec<u32> {
    let mut seen = vec![false; code.instructions.len()];
    let mut all = Vec::new();
    let mut stack = vec![from];
    while let Some(at) = stack.pop() {
        let Some(instruction) = code.instructions.get(at as usize) else { continue };
        if at == 0 || seen.get_mut(at as usize).is_none_or(|seen| std::mem::replace(seen, true)) {
            continue;
        }
        all.push(at);
        stack.push(instruction.next);
        if instruction.kind == Kind::Either {
            stack.push(instruction.other);
        }
    }
    all
}

/// Marks the end of patterns that end with anything.
fn mark_matches(code: &mut Code) {
    for at in reachable(code, code.start) {
        let get = |at: u32| code.instructions.get(at as usize).copied();
        let Some(either) = get(at).filter(|it| it.kind == Kind::Either) else { continue };
        let repeats = |way: u32| get(way).is_some_and(|it| it.kind == Kind::Range(true) && it.next == at);
        let matches = |mut way: u32| loop {
            match get(way) {
                Some(Instruction { kind: Kind::Group | Kind::Nothing, next, .. }) => way = next,
                it => break it.is_some_and(|it| it.kind == Kind::Match),
            }
        };
        let ends = (repeats(either.next) && matches(either.other)) || (matches(either.next) && repeats(either.other));
        if ends && let Some(instruction) = code.instructions.get_mut(at as usize) {
            instruction.kind = Kind::EitherMatch;
        }
    }
}

struct Lists<'c> {
    code: &'c Code,
    /// Where a list begins.
    roots: Vec<bool>,
    reached: Vec<u32>,
    times: Vec<u32>,
    time: u32,
}

impl Lists<'_> {
    fn get(&self, at: u32) -> Option<Instruction> {
        self.code.instructions.get(at as usize).copied()
    }

    fn is_root(&self, at: u32) -> bool {
        self.roots.get(at as usize) == Some(&true)
    }

    fn mark(&mut self, at: u32) {
        if let Some(root) = self.roots.get_mut(at as usize) {
            *root = true;
        }
    }

    fn pass(&mut self, at: u32) -> bool {
        let time = self.time;
        self.times.get_mut(at as usize).is_some_and(|last| std::mem::replace(last, time) != time)
    }

    fn has_passed(&self, at: u32) -> bool {
        self.times.get(at as usize) == Some(&self.time)
    }

    /// A list begins where the program does, and behind whatever is not a fork.
    fn successors(&mut self) {
        for at in [0, self.code.unanchored, self.code.start] {
            self.mark(at);
        }
        self.time += 1;
        let mut stack = vec![self.code.unanchored];
        while let Some(at) = stack.pop() {
            if !self.pass(at) {
                continue;
            }
            let Some(instruction) = self.get(at) else { continue };
            match instruction.kind {
                Kind::Either | Kind::EitherMatch => stack.extend([instruction.other, instruction.next]),
                Kind::Range(_) | Kind::Group | Kind::Look => {
                    self.mark(instruction.next);
                    stack.push(instruction.next);
                }
                Kind::Nothing => stack.push(instruction.next),
                Kind::Match | Kind::Fail => {}
            }
        }
        self.reached = (0..self.times.len() as u32).filter(|at| self.has_passed(*at)).collect();
    }

    /// And wherever two lists would have the same in them.
    fn dominators(&mut self) {
        // The forks that lead to each.
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.code.instructions.len()];
        for at in &self.reached {
            if let Some(Instruction { kind: Kind::Either | Kind::EitherMatch, next, other }) = self.get(*at) {
                for way in [next, other] {
                    if let Some(before) = before.get_mut(way as usize) {
                        before.push(*at);
                    }
                }
            }
        }
        let roots: Vec<u32> = (1..self.roots.len() as u32).filter(|at| self.is_root(*at)).collect();
        for root in roots.into_iter().rev() {
            if root == self.code.start || root == self.code.unanchored {
                continue;
            }
            let tree = self.tree(root);
            for at in tree {
                let coming = before.get(at as usize).map_or(&[][..], |coming| coming);
                if coming.iter().any(|from| !self.has_passed(*from)) {
                    self.mark(at);
                }
            }
        }
    }

    /// What a list goes through, which ends at other lists.
    fn tree(&mut self, root: u32) -> Vec<u32> {
        self.time += 1;
        let (mut stack, mut all) = (vec![root], Vec::new());
        while let Some(at) = stack.pop() {
            if !self.pass(at) {
                continue;
            }
            all.push(at);
            if at != root && self.is_root(at) {
                continue;
            }
            match self.get(at) {
                Some(Instruction { kind: Kind::Either | Kind::EitherMatch, next, other }) => {
                    stack.extend([other, next])
                }
                Some(Instruction { kind: Kind::Nothing, next, .. }) => stack.push(next),
                _ => {}
            }
        }
        all
    }

    fn count(&mut self) -> usize {
        let mut count = 0;
        for root in 0..self.roots.len() as u32 {
            if !self.is_root(root) {
                continue;
            }
            for at in self.tree(root) {
                let is_list = at != root && self.is_root(at);
                count += match self.get(at).map(|it| it.kind) {
                    _ if is_list => 1,
                    None | Some(Kind::Either | Kind::Nothing) => 0,
                    Some(_) => 1,
                };
            }
        }
        count
    }
}
