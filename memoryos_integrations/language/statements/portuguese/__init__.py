"""How people state facts about themselves in Portuguese."""

from __future__ import annotations

import re
from typing import Final

from memoryos_integrations.language.statements.portuguese import identity, life
from memoryos_integrations.language.statements.reading import Language

_LEAD = (
    "oi|olá|ola|e aí|ei|bem|bom|então|ah|é|sim|claro|obrigad[oa]|valeu|bom dia"
    "|boa tarde|boa noite|tudo bem|prazer"
    "|na verdade|aliás|a propósito|por sinal|e|mas|também|além disso"
    "|só para você saber|para contexto|hoje em dia"
    "|atualmente|agora|no momento|lembre(?:-se)?(?: de)? que|lembra que|saiba que"
    "|anota aí|sinceramente|felizmente"
    "|infelizmente|(?:no dia|em|n[ao]|dia|amanhã) ?[\\w ]{0,25}?(?=,? (?:eu |nós )?"
    "(?:vou|vamos|viajo|me mudo|me caso|embarco|parto)\\b)|porque|pois|já que"
    "|como você sabe|só lembrando|só um detalhe|deixa eu me apresentar|de fato"
)
_SUBJECT = (
    "(?:eu|nós|a gente|(?:o |a )?(?:meus?|minhas?|nosso|nossa)|sou|moro|vivo|resido"
    "|moramos|vivemos|trabalho|atuo|tenho"
    "|temos|gosto|adoro|amo|curto|odeio|detesto|prefiro|não (?:gosto|como|bebo"
    "|suporto|curto|aguento|sou fã)|nasci|cresci"
    "|falo|estudo|curso|faço|fiz|completei|estou|estamos|tô|vou|vamos|viajo|volto"
    "|começo|embarco|parto|voo|me|nos|mudei"
    "|mudei-me|mudo-me|mudámo-nos|caso-me|formo-me|acabei de|acabo de|chamo-me"
    "|chama-me|aqui|quem fala|venho|toco|jogo|fui"
    "|comecei|consegui|arrumei|pretendo|planejo|planeio|tenciono|pretendemos"
    "|planejamos|adotei|adotamos|(?:pode|podem|podes"
    "|você pode|vocês podem) (?:me chamar|chamar-me)|todo mundo|meus amigos"
    r"|as pessoas|os amigos|todos|ainda|já|sempre|só)\b"
)

LANGUAGE: Final = Language(
    rules=(*identity.RULES, *life.RULES),
    clause=re.compile(
        r"(?:^[\s*•>-]*+|[,;:—–(!]|(?<=\s)-(?=\s)"
        r"|\b(?:e|mas|porque|pois|já que|onde|então|por isso)(?=\s))[\s,]*+"
        rf"(?:(?:{_LEAD})\b[\s,!.:–—-]*+)*+(?={_SUBJECT})",
        re.IGNORECASE,
    ),
    shared_subject=re.compile(r"(?!)"),  # the verb's ending says who speaks: each is a clause of its own
    greeting=re.compile(
        r"\W*(?:(?:oi|oie|olá|ola|e aí|ei|bom dia|boa tarde|boa noite|tudo bem|tudo bom"
        "|prazer|gente|pessoal|a todos|todos"
        r"|deixa eu me apresentar)\b\W*)+(?:\w+\W+)?$",
        re.IGNORECASE,
    ),
    message_veto=re.compile(
        r"\b(?:traduz\w*|tradução|corrij\w+|corrige|corrigir|revis[ea] (?:o|este|esse"
        r"|meu)|reescrev\w+|resum[ae] (?:o|este|esse)"
        r"|parafrase\w+|finj\w+|finge|fingir|faz de conta|faça de conta|aja como"
        "|age como|haja como|você é (?:uma?|agora|o|a)"
        r"|tu és (?:uma?|agora)|interpret[ae]|personage\w+|(?:conto|história|poema"
        "|música|diálogo|roteiro|cena|redação) (?:sobre|em"
        " que|onde)|letra d[ea]|na voz de|no estilo de|ficção|fictíci[oa]|brincadeira"
        "|brincando|zoeira|zoando|ironia|irônico"
        r"|como se diz|como (?:eu )?digo|o que significa|mentira)\b",
        re.IGNORECASE,
    ),
    veto=re.compile(
        r"(?:^|[\s,])(?:se (?:eu|você|ele|ela|a gente|nós|o|a|os|as|meu|minha|não|um dia"
        r"|por acaso|fosse\w*|for\w*|tivesse\w*"
        r"|pudesse\w*|houver\w*|alguém|algum)|caso (?:eu|você|não|o|a)|talvez|quem sabe"
        "|gostaria|gostava|queria|poderia|seria"
        r"|teria|imagin\w+|suponh\w+|digamos|por exemplo|quando|diz(?:em|ia|endo)?"
        r"|disse\w*|falou|falaram|contou|ach[ao]m?|achava"
        r"|acredit\w+|pens[ao]m?|pensou|segundo|parece|aparentemente|supostamente"
        "|provavelmente|quase|nunca|tomara|oxalá"
        r"|quem me dera|até|antigamente|costumava|pergunt\w+|escrev(?:eu|i)|n[oa] "
        "(?:meu sonho|sonho|jogo|história|livro|filme|série"
        r"|novela|peça|música)|como se|mesmo que|ainda que|a menos que)(?!\w)",
        re.IGNORECASE,
    ),
    veto_after=re.compile(
        r"\b(?:ele|ela|eles|elas|quem|como) (?:diz|disse|dizem|falou|dizia|contou|escreveu|perguntou)\b"
        r"|\bn[oa]s? (?:meus? sonhos?|minha cabeça|jogo|história|livro|filme|série"
        r"|novela|peça|outra vida|vida passada)\b"
        r"|\b(?:só que não|sqn|quem me dera|até parece|será|ou não|disse (?:ele|ela)|metaforicamente)(?!\w)",
        re.IGNORECASE,
    ),
    question=re.compile(
        r"[\s,;:.)–—-]*(?:(?:e|então|mas) )?(?:o que|que|qual|quais|como|onde|aonde"
        "|quando|quem|por que|porque|pode|poderia|podes"
        "|consegue|tem|há|me ajuda|dá para|dá pra|será que|você (?:pode|tem|conhece"
        r"|sabe|recomenda)|quanto|quantos)\b",
        re.IGNORECASE,
    ),
)
