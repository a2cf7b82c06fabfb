------------------------------ MODULE Exploration ------------------------------
(***************************************************************************)
(* A finite instance of `Consensus` for TLC, searched completely.          *)
(*                                                                         *)
(* A block is the chain it ends: a sequence of <<view, choice>>, one per   *)
(* height.  Two choices are enough: of the proposals that a Byzantine      *)
(* leader makes for one height at most one gathers a quorum, and those     *)
(* that do not are all alike.                                              *)
(*                                                                         *)
(* The order of steps is reduced; see README.md for why nothing is lost.   *)
(* Views come one after the other, and within a view all validators enter, *)
(* then vote, then collect certificates and commit, then leave.  What can  *)
(* play no part any more is forgotten at the end of each phase.            *)
(* `Everything` is the unreduced next-state relation.                      *)
(***************************************************************************)
EXTENDS Consensus, TLC

CONSTANTS
  Heights, Views,  \* how many of them; views are 0 .. Views - 1
  VotingViews,     \* in views from this one on validators only enter, and what they enter by is judged
  Focused,         \* whether the votes of a view that can gather no quorum are left out
  Choices,         \* distinguish the proposals of one leader for one height
  Nobody

VARIABLES phase, round, turn, done

EmptyChain == <<>>
LengthOf(chain) == Len(chain)
FrontOf(chain) == SubSeq(chain, 1, Len(chain) - 1)
ViewOf(chain) == chain[Len(chain)][1]

\* q executions are possible as soon as a block is decided, so that Execute is left out
DecidedChain(b) == \A length \in 1..Len(b) : Decided(SubSeq(b, 1, length))

Symmetric == Permutations(Correct) \union Permutations(Choices)

Known == {x.block : x \in votes}
Candidates(r) ==
  Range(entered[r].forced) \union
  {Append(parent, <<view[r], choice>>) :
     parent \in {p \in {Tip(r)} \union Known : Height(p) < Heights}, choice \in Choices}

\* P-certificates, and what a Byzantine VIEW-CHANGE can show of them
Certificates == {[view |-> x.view, block |-> x.block] : x \in {y \in votes : Certifiable(y.view, y.block)}}
Shown(v) ==
  IF Rule("V5") THEN {c \in Certificates : c.view < v}
  ELSE {[view |-> w, block |-> c.block] : c \in Certificates, w \in 0..v-1}
ByzantineChanges(v) ==
  {c \in [by : Byzantine, to : {v}, stable : {Genesis} \union DecidedBlocks, certs : SUBSET Shown(v)] : Believable(c)}
\* with one Byzantine validator; Enter judges them by IsQuorum
Quorums(v) ==
  LET size == IF Rule("N2") THEN Quorum ELSE Quorum - 1
      some(count) == {set \in SUBSET {c \in changes : c.to = v} : Cardinality(set) = count}
  IN some(size) \union {set \union {c} : set \in some(size - 1), c \in ByzantineChanges(v)}

EnterAny(r, v) == \E quorum \in Quorums(v) :
  \E length \in IF Rule("N4") THEN {Len(Forced(quorum))} ELSE 0..Len(Forced(quorum)) :
    Enter(r, v, quorum, SubSeq(Forced(quorum), 1, length))
CertifyAny(r) == \E c \in Certificates : Certify(r, c.view, c.block)
CommitAny(r) == \E c \in certs[r] :
  [by |-> r, view |-> c.view, block |-> c.block] \notin commits /\ Commit(r, c.view, c.block)

Everything ==
  /\ \E r \in Correct :
       \/ \E b \in Candidates(r) : Prepare(r, b)
       \/ CertifyAny(r) \/ CommitAny(r)
       \/ \E b \in DecidedBlocks : Stabilise(r, b) \/ (b \in {c.block : c \in certs[r]} /\ ForgetEarly(r, b))
       \/ \E v \in 1..Views - 1 : Move(r, v) \/ EnterAny(r, v)
  /\ UNCHANGED <<phase, round, turn, done>>

----------------------------------------------------------------------------
(* The reduced order: phases of a round, and turns of validators within.   *)

Turn(r) == turn \in {r, Nobody} /\ r \notin done /\ turn' = r /\ UNCHANGED <<phase, round, done>>
Close(name) == turn = Nobody /\ phase' = name /\ done' = {} /\ UNCHANGED <<turn, round>>
EndTurn == turn /= Nobody /\ turn' = Nobody /\ done' = done \union {turn} /\ UNCHANGED <<phase, round>>

\* of a view and height only one block can gather a quorum (OneCertificate): the others need no votes
OnTarget(b) == \A x \in votes : x.view = round /\ Height(x.block) = Height(b) => x.block = b

\* what a validator entered by matters for its own votes only, what a correct leader said to all
EndVote ==
  /\ phase = "vote" /\ EndTurn
  /\ entered' = [entered EXCEPT ![turn] = Nothing]
  /\ newViews' = IF round \in ByzantineViews THEN {} ELSE newViews
  /\ UNCHANGED <<view, active, certs, stable, executed, votes, commits, seals, changes>>

\* a P-certificate that can be put together stays so, whoever voted; other votes of a view that is over are dead
CloseVote ==
  /\ phase = "vote" /\ Close("certify")
  /\ votes' = {[by |-> r, view |-> c.view, block |-> c.block] : r \in Correct, c \in Certificates}
  /\ changes' = {} /\ newViews' = {}
  /\ UNCHANGED <<view, active, entered, certs, stable, executed, commits, seals>>

\* a COMMIT that decided nothing is dead, since nobody commits in a view left (C3)
CloseCertify ==
  /\ phase = "certify" /\ Close("seal")
  /\ commits' = {[by |-> r, view |-> x.view, block |-> x.block] :
                   r \in Correct, x \in {y \in commits : DecidedIn(y.view, y.block)}}
                \union IF Rule("C3") THEN {} ELSE commits
  /\ UNCHANGED <<view, active, entered, certs, stable, executed, votes, seals, changes, newViews>>

\* all leave at once
CloseRound ==
  /\ phase = "seal" /\ round < Views - 1
  /\ phase' = "vote" /\ round' = round + 1 /\ UNCHANGED <<turn, done>>
  /\ view' = [r \in Correct |-> round + 1]
  /\ active' = [r \in Correct |-> FALSE]
  /\ changes' = {ChangeOf(r, round + 1) : r \in Correct}
  /\ UNCHANGED <<entered, certs, stable, executed, votes, commits, seals, newViews>>

Reduced ==
  \/ phase = "vote" /\ \E r \in Correct : Turn(r) /\
       \/ EnterAny(r, round)
       \/ round < VotingViews /\ \E b \in Candidates(r) : Prepare(r, b) /\ Holds(Focused => OnTarget(b))
  \/ EndVote
  \/ round < VotingViews /\ CloseVote
  \/ phase = "certify" /\ \E r \in Correct : Turn(r) /\ (CertifyAny(r) \/ CommitAny(r))
  \/ phase = "certify" /\ EndTurn /\ UNCHANGED vars
  \/ CloseCertify
  \/ phase = "seal" /\ UNCHANGED <<phase, round, turn, done>> /\ \E r \in Correct : \E b \in DecidedBlocks :
       Stabilise(r, b) \/ (b \in {c.block : c \in certs[r]} /\ ForgetEarly(r, b))
  \/ CloseRound

Start == Init /\ phase = "vote" /\ round = 0 /\ turn = Nobody /\ done = {}

=============================================================================
