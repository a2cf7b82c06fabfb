"""M7: a PREPARE signs no view, so that an old P-certificate passes for one of any later view."""

PATCHES = [
    (
        "consensus.safety",
        "Safety.prepare",
        "signature = self._vote(Type.PREPARE, view, height, digest)",
        (
            "self._require(view == self.view and height > self.floor, 'as before')\n"
            "    key, body = (self.epoch, view, height, Type.PREPARE), vote_body(0, height, digest)\n"
            "    signature = self._once(key, digest, body)"
        ),
    ),
    (
        "consensus.normal",
        "on_prepare",
        "vote_body(message.view, message.height, message.digest)",
        "vote_body(0, message.height, message.digest)",
    ),
    (
        "consensus.normal",
        "on_prepare_certificate",
        "vote_body(certificate.view, header.height, digest)",
        "vote_body(0, header.height, digest)",
    ),
    (
        "consensus.view_change",
        "check_prepared",
        "vote_body(certificate.view, header.height, header.digest(context))",
        "vote_body(0, header.height, header.digest(context))",
    ),
]
PROFILE = "lost_votes"
SEEDS = 20
