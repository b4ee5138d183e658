"""What rules read from the user's own words: few facts, and hardly ever a wrong one."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryos_integrations.errors import InvalidInputError
from memoryos_integrations.language.statements import statements

NOW = datetime(2025, 1, 8, 18, tzinfo=UTC)  # a Wednesday


def table(lines):
    """Read "message -> field=value|field=value" lines; "?field=value" is right too, but not asked for."""
    rows = (line.partition(" -> ") for line in lines.strip().splitlines())
    return [(said.replace("\\n", "\n"), frozenset(filter(None, found.split("|")))) for said, _, found in rows]


def facts(message, at=NOW):
    return {f"{one.field}={one.value}" for one in statements(message, at)}


ENGLISH = table(r"""
Hi! I'm Tom, I work as a data scientist in San Francisco. -> name=Tom|work=data scientist|workplace=San Francisco
My name is Ana da Silva. -> name=Ana da Silva
my name is tom and i live in lisbon -> name=tom|home=lisbon
Hello, I'm Priya and I'm from India. -> name=Priya|origin=India
Please call me Al. -> name=Al
Everyone calls me Beth, by the way. -> name=Beth
I would like to be called Sam. -> name=Sam
I go by Kit. -> name=Kit
Good morning! I am Vincent van Gogh. -> name=Vincent van Gogh
I'm 34 and I live in Leeds with two flatmates. -> age=34|home=Leeds
I'm 29 years old. -> age=29
I turned 40 last week. -> age=40
I was born in 1990. -> birth_year=1990
I was born on 3 May 1990 in Porto. -> birth_year=1990|birthday=3 May
My birthday is on the 3rd of May. -> birthday=the 3rd of May
I was born in Porto, but I grew up in Braga. -> origin=Porto|origin=Braga
I'm originally from New Zealand. -> origin=New Zealand
I'm Brazilian, so I love football. -> nationality=Brazilian|likes=football
I live in Lisbon, Portugal. -> home=Lisbon, Portugal
I’ve lived in Glasgow since 2019. -> home=Glasgow
I just moved to Berlin! -> home=Berlin
We moved to Austin last month, and it is hot. -> home=Austin
I'm based in the Netherlands. -> home=the Netherlands
I live in a small town near Bath. -> home=a small town near Bath
Remember that I live in Dublin. -> home=Dublin
I work as a nurse and live in Leeds. -> work=nurse|home=Leeds
I'm a senior software engineer at Google. -> work=senior software engineer|employer=Google
I am a teacher at a primary school in Bristol. -> work=teacher|employer=a primary school|workplace=Bristol
I've been a nurse for ten years. -> work=nurse
As a paramedic, I often work nights. -> work=paramedic
I'm the CTO of a small startup. -> work=CTO of a small startup
I work at a wholesale bakery, so my phone rings at five. -> employer=a wholesale bakery
I work for Médecins Sans Frontières. -> employer=Médecins Sans Frontières
I work in healthcare. -> work=healthcare
I've just started a new job at Siemens. -> employer=Siemens
My job is graphic designer. -> work=graphic designer
I run my own bakery. -> work=runs their own bakery
I teach mathematics to teenagers. -> work=teaches mathematics
I'm retired now. -> work=retired
I study computer science at MIT. -> study=computer science
I'm a medical student. -> work=medical student
My wife Anna is a vet. -> partner=Anna
I went there with my partner Tiago yesterday. -> partner=Tiago
I'm married to Clara. -> partner=Clara
My brother Jonas rang from Malmö last night. -> family=brother Jonas
My mother, Ingrid, is 68. -> family=mother Ingrid
My older sister is called Maria. -> family=older sister Maria
I have two kids. -> family=two kids
I have a daughter named Zoe and she is three. -> family=daughter Zoe
I'm a father of three. -> family=father of three
My boss Colin ordered too much sesame. -> people=boss Colin
I have a dog named Rex. -> pet=dog Rex
We have two cats. -> pet=two cats
Our cat Miso sleeps all day. -> pet=cat Miso
My dog's name is Bella. -> pet=dog Bella
I adopted a grey rabbit called Pip. -> pet=grey rabbit Pip
I love Thai food and hiking, but I hate olives. -> likes=Thai food and hiking|dislikes=olives
I really enjoy reading crime novels in the bath. -> likes=reading crime novels in the bath
I'm a big fan of jazz. -> likes=jazz
My favourite book is Dune. -> likes=Dune
I prefer tea to coffee. -> likes=tea to coffee
I can't stand coriander. -> dislikes=coriander
I don't like horror films. -> dislikes=horror films
I'm not a fan of beer. -> dislikes=beer
I'm vegetarian, what should I cook tonight? -> diet=vegetarian
I've been vegan since 2019. -> diet=vegan
I don't eat pork or shellfish. -> diet=no pork or shellfish
Please remember that I'm severely allergic to peanuts. -> allergy=peanuts
I have a nut allergy. -> allergy=nut
I'm lactose intolerant. -> allergy=lactose
I speak English, French and a little German. -> language=English, French and a little German
My native language is Portuguese. -> language=Portuguese
I'm learning Japanese at the moment. -> None=learning Japanese
I play the cello. -> None=plays cello
I'm flying to Japan next Friday. -> plan=flying to Japan next Friday
I move to Porto on 3 May. -> plan=move to Porto on 3 May
We're getting married in June! -> plan=getting married in June
I have a job interview tomorrow. -> plan=a job interview tomorrow
My wedding is on 14 September. -> plan=wedding on 14 September
I'm going to run a marathon in October. -> plan=run a marathon in October
I'm planning a trip to Iceland. -> plan=a trip to Iceland
""")  # noqa: E501
PORTUGUESE = table(r"""
Oi! Eu sou o Tom, trabalho como cientista de dados em San Francisco. -> name=Tom|work=cientista de dados|workplace=San Francisco
Meu nome é Ana da Silva. -> name=Ana da Silva
Me chamo Beatriz e moro em Recife. -> name=Beatriz|home=Recife
Chamo-me Rui. -> name=Rui
Pode me chamar de Duda. -> name=Duda
Bom dia, aqui é a Carla. -> name=Carla
meu nome é pedro, tenho 20 anos -> name=pedro|age=20
Tenho 34 anos e moro em Lisboa com meu marido João. -> age=34|home=Lisboa|partner=João
Nasci em 1990. -> birth_year=1990
Meu aniversário é 3 de maio. -> birthday=3 de maio
Nasci em Salvador, mas cresci em Curitiba. -> origin=Salvador|origin=Curitiba
Sou de Belo Horizonte. -> origin=Belo Horizonte
Eu sou brasileira. -> nationality=brasileira
Eu moro no Rio de Janeiro desde 2015. -> home=Rio de Janeiro
Vivo no Porto há cinco anos. -> home=Porto
Me mudei para Berlim no mês passado. -> home=Berlim
Estou morando em Londres. -> home=Londres
Sou engenheira de software na Google. -> work=engenheira de software|employer=Google
Sou professor de história. -> work=professor de história
Trabalho em uma padaria. -> employer=uma padaria
Trabalho na Petrobras como geólogo. -> employer=Petrobras|work=geólogo
Trabalho com marketing digital. -> work=marketing digital
Minha profissão é enfermeiro. -> work=enfermeiro
Estudo medicina na USP. -> study=medicina
Sou estudante de direito. -> work=estudante de direito
Sou dono de uma cafeteria. -> work=dono de uma cafeteria
Minha esposa se chama Clara. -> partner=Clara
Sou casado com a Marta. -> partner=Marta
Minha irmã Maria mora longe. -> family=irmã Maria
Meu irmão mais velho, Paulo, é médico. -> family=irmão mais velho Paulo
Tenho dois filhos. -> family=dois filhos
Sou mãe de três. -> family=mãe de três
Tenho uma cadela chamada Luna. -> pet=cadela Luna
Meu gato Chico dorme o dia todo. -> pet=gato Chico
Meu chefe Carlos é exigente. -> people=chefe Carlos
Gosto de ler e detesto coentro. -> likes=ler|dislikes=coentro
Adoro comida japonesa! -> likes=comida japonesa
Sou fã de samba. -> likes=samba
Minha comida favorita é feijoada. -> likes=feijoada
Não gosto de filmes de terror. -> dislikes=filmes de terror
Não suporto barulho. -> dislikes=barulho
Sou vegetariana desde 2019. -> diet=vegetariana
Não como carne nem peixe. -> diet=não como carne nem peixe
Sou alérgico a amendoim. -> allergy=amendoim
Tenho intolerância à lactose. -> allergy=lactose
Falo inglês, francês e um pouco de alemão. -> language=inglês, francês e um pouco de alemão
Estou aprendendo a tocar violão. -> None=aprendendo violão
Viajo para Madri na próxima sexta. -> plan=Viajo para Madri na próxima sexta
Vou me mudar para o Porto em 3 de maio. -> plan=se mudar para o Porto em 3 de maio
Tenho uma entrevista amanhã. -> plan=uma entrevista amanhã
Pretendo aprender alemão no ano que vem. -> plan=aprender alemão no ano que vem
Sou vegano, o que posso cozinhar hoje? -> diet=vegano
""")  # noqa: E501
CHINESE = table(r"""
你好！我叫汤姆，我在旧金山做数据科学家。 -> name=汤姆|work=数据科学家|workplace=旧金山
我的名字是李小龙。 -> name=李小龙
大家好，我是小明。 -> name=小明
叫我阿强就好。 -> name=阿强
朋友们都叫我Lily。 -> name=Lily
我今年30岁。 -> age=30
我三十五岁了。 -> age=三十五
我1990年出生。 -> birth_year=1990
我的生日是5月3日。 -> birthday=5月3日
我来自四川。 -> origin=四川
我是上海人。 -> origin=上海
我老家在哈尔滨。 -> origin=哈尔滨
我住在北京。 -> home=北京
我去年搬到了深圳。 -> home=深圳
我从2015年起一直住在杭州。 -> home=杭州
我家在广州。 -> home=广州
我是一名护士。 -> work=护士
我是软件工程师，在谷歌工作。 -> work=软件工程师|employer=谷歌
我在一家互联网公司上班。 -> employer=一家互联网公司
我是中学老师。 -> work=中学老师
我的职业是律师。 -> work=律师
我在成都当导游。 -> work=导游|workplace=成都
我的专业是物理。 -> study=物理
我妻子叫王芳。 -> partner=王芳
我老公叫大卫。 -> partner=大卫
我姐姐叫李娜。 -> family=姐姐李娜
我有两个孩子。 -> family=两个孩子
我已经结婚了。 -> None=结婚
我养了一只猫，叫咪咪。 -> pet=猫咪咪
我家的狗叫豆豆。 -> pet=狗豆豆
我有一只柯基。 -> pet=一只柯基
我喜欢爬山，讨厌香菜。 -> likes=爬山|dislikes=香菜
我特别爱吃火锅。 -> likes=吃火锅
我的爱好是摄影。 -> likes=摄影
我最喜欢的电影是教父。 -> likes=教父
我不喜欢下雨天。 -> dislikes=下雨天
我是素食主义者。 -> diet=素食主义者
我不吃牛肉。 -> diet=不吃牛肉
我对花生过敏。 -> allergy=花生
我会说英语和法语。 -> language=英语和法语
我的母语是粤语。 -> language=粤语
我正在学吉他。 -> None=学吉他
我下周五飞日本。 -> plan=下周五飞日本
我们明年结婚。 -> plan=明年结婚
我5月3日搬到上海。 -> plan=5月3日搬到上海
我打算去冰岛旅行。 -> plan=打算去冰岛旅行
我是素食者，晚饭吃什么好？ -> diet=素食者
""")


@pytest.mark.parametrize(("message", "expected"), [*ENGLISH, *PORTUGUESE, *CHINESE])
def test_what_people_state_about_themselves_is_found_and_nothing_else(message, expected):
    assert facts(message) == expected


NOTHING_IN_ENGLISH = r"""
I am tired.
I'm so happy today!
I'm sorry about that.
I'm sure it will work.
I am going to check the logs.
I'm fine, thanks.
I'm done.
I'm not a doctor.
I am not a vegetarian.
I'm no longer a nurse.
I no longer work at Google.
I used to live in Paris.
I lived in Rome for a year.
I don't live in London anymore.
I've never lived in Spain.
I was a teacher.
I once worked at Apple.
If I were a doctor, I would know.
If I live in Berlin, do I pay church tax?
I wish I lived in Lisbon.
I would like to live in Japan.
I might move to Austin next month.
Maybe I'm allergic to nuts.
I could be a teacher.
I think I'm allergic to peanuts.
Imagine I live in Paris.
Suppose I am a nurse.
Let's say I work at Google.
Pretend I am a pirate and my name is Jack.
Act as my doctor. I am a patient from Leeds.
You are a travel agent. I live in Madrid.
She said I am lazy.
He thinks I'm a doctor.
My sister says I live in a bubble.
They told me I'm allergic to cats.
She said, I live in Paris.
"I live in Paris," she said.
He replied: "My name is Tom."
The letter says 'I work as a nurse'.
> I live in Paris
> My name is Bob
```\nI live in Paris\n```
`my name is Bob`
My name is on the list.
My name is misspelled.
My name is hard to pronounce.
My name is not Bob.
Is my name Tom?
What is my name?
Do I live in Leeds?
Am I a vegetarian?
Do you know where I live?
I live in Paris?
I'm vegan, right?
I live in Leeds, don't I?
I live in fear.
I live in the moment.
I live in a bubble.
I live in a small house.
I live in Excel most days.
I live in hope.
I live in sin.
I'm Tom's friend.
I'm Tom's mother's neighbour.
I'm German shepherd crazy.
I'm on the train.
I'm at the office.
I'm in Lisbon for a conference.
I'm in a meeting.
I'm in love.
I'm here.
I'm back.
I'm Batman lol jk
I'm a professional astronaut, just kidding!
Just kidding, I live on the moon.
I'm a bit of a mess.
I'm a fan.
I'm a big believer in tests.
I'm a terrible cook.
I'm a good driver.
I'm a slow writer.
I'm a morning person.
I'm a night owl.
I'm a little confused.
I'm a huge nerd.
I'm an idiot.
I'm an aspiring writer.
I'm a former teacher.
I'm a friend of the family.
I'm a member of the club.
I'm a beginner at Rust.
I'm a doctor in the game.
I'm a teacher at heart.
I'm the one who called.
I'm the only person here.
I work hard.
I work from home.
I work best at night.
I work as hard as I can.
I work at night.
I work at a desk.
I work with children.
I work on the weekend.
I work as a team with Bob.
We work as a team.
I work out three times a week.
I love it.
I love this!
I love you.
I like your answer.
I like the second option.
I like that idea.
I like what you wrote.
I like how it sounds.
I like where this is going.
I'd like a coffee.
I would like to book a table.
I like to think that we agree.
I love when it rains.
I enjoyed the film.
I loved Paris.
I like option B.
I hate this.
I hate to say it.
I hate it when that happens.
I hate my life.
I don't like it.
I don't like that answer.
I don't like the colour.
I don't think I like it.
I'm not into it.
My favourite part is the end.
My favourite one is the second.
I prefer the first one.
I prefer not to say.
I prefer to wait.
I can't stand it.
I'm allergic to Mondays.
I'm allergic to bullshit.
I'm not allergic to anything.
I'm not allergic to nuts.
Are you allergic to nuts?
I don't eat out.
I don't eat much.
I don't drink and drive.
I don't speak French.
I speak from experience.
I speak too fast.
I wish I spoke Japanese.
I'm learning a lot.
I'm learning to be patient.
I have no kids.
I have a question.
I have a dog in this fight, so to speak?
I have a hot dog for lunch.
I have a cat to feed.
I don't have a dog.
I want a dog named Rex.
I had a dog named Rex.
Her dog Rex barked.
My neighbour's dog barked.
His wife Anna called.
Your brother Tom is here.
My ex-wife Anna moved away.
My wife and I went out.
My brother is German.
My mom is Catholic.
My sister called yesterday.
My husband works late.
My boss on Monday was angry.
If my wife Anna calls, tell her I'm out.
I'm 100% sure.
I'm 5 minutes away.
I'm 20 pages in.
I'm 6 feet tall.
I'm 34 weeks pregnant.
I'm 50/50 on it.
I have 10 years of experience.
I was born ready.
I was born to run.
I was born in a hospital.
My birthday is next week.
My birthday is my favourite day.
I'm going to the shop.
I'm going to try that tomorrow.
I'll check it tomorrow.
I'll ask then.
I'll be there on Friday.
I'm meeting him tomorrow to discuss this.
I'm flying.
I moved the file to Documents.
I moved to the next step.
We moved to Python last year, maybe.
I moved to Spain when I was five.
I start to see the problem.
I'm planning to.
I have a meeting.
I had surgery last week.
When I live in Paris, I will eat croissants.
When I was a teacher, I lived in York.
Unless I move to Berlin on 3 May, nothing changes.
According to the test, I'm an introvert.
In my dream I live in a castle.
In the game I am a doctor.
Translate to French: I live in Paris and I am a nurse.
Please proofread: My name is Sara and I work at Shell.
Write a story about a man. I am a sailor, he says.
How do you say "I am a teacher" in Spanish?
How do I say I live in Paris in Italian?
What does "I am a Berliner" mean?
User: I live in Paris\nAssistant: Nice!\nUser: My name is Bob
Name: Bob\nJob: nurse\nCity: Leeds
Call me later.
Call me crazy, but it works.
Call me Monday.
Don't call me Bob.
They call me crazy.
This is Tom's computer.
Tom is my name for the cat?
We live in a society.
We are the champions.
I AM A TEACHER AND I LIVE IN PARIS
Dear hiring manager, I am a nurse and I live in Leeds.
I'm Irish coffee's biggest fan.
I'm from the future.
I'm from HR.
I'm from Mars.
I come from a family of teachers.
I am from time to time confused.
I grew up in the nineties.
I'm married to my job.
I'm engaged in a debate.
Nobody thinks I'm a doctor.
It's not like I live in London.
Not that I work at Google.
Someone wrote that I am a nurse.
I dreamed I was a pilot.
I feel like I live in Groundhog Day.
I run a tight ship.
I run every morning.
I run a script at night.
I teach him a lesson.
I study hard.
I study at night.
I'm studying for the exam.
I'm studying the log.
I own it.
I own my mistakes.
I play along.
I play with the idea.
I am legend.
I am the walrus.
"""
NOTHING_IN_PORTUGUESE = r"""
Eu estou cansado.
Estou feliz hoje.
Não sou médico.
Não moro em Lisboa.
Não trabalho na Google.
Eu morava em Paris.
Já morei em Roma.
Se eu fosse médico, saberia.
Se moro em Lisboa, pago esse imposto?
Ele disse que sou preguiçoso.
Ela acha que moro em Marte.
Queria morar em Lisboa.
Gostaria de viver no Japão.
Talvez eu more em Recife.
Moro em Lisboa?
Qual é meu nome?
Meu nome está errado.
Meu nome não é Pedro.
Sou eu.
Sou a favor.
Sou do tipo calmo.
Sou de Peixes.
Sou Flamengo.
Sou uma pessoa calma.
Sou muito ocupado.
Sou péssimo cozinheiro.
Sou o irmão da Ana.
Sou fã.
Gosto disso.
Gosto da ideia.
Gosto de você.
Gosto de como ficou.
Gosto não se discute.
Adoro isso!
Adoro quando chove.
Amo você.
Odeio isso.
Não gosto disso.
Não gosto da resposta.
Prefiro a segunda opção.
Não como muito.
Não bebo e dirijo.
Tenho 10 anos de experiência.
Tenho uma dúvida.
Tenho fome.
Tenho que sair amanhã.
Vou verificar amanhã.
Vou ao mercado.
Trabalho em grupo é difícil.
Trabalho de casa.
Trabalho muito.
Trabalho como um louco.
Estudo de caso interessante.
Falo sério.
Falo com você amanhã.
Nasci para isso.
Minha irmã ligou.
A irmã dele, Maria, ligou.
Se minha esposa Clara ligar, avise.
Traduza: moro em Paris e sou médico.
Finja que sou um pirata. Meu nome é Jack.
Você é um professor. Eu sou aluno e moro em Lisboa.
"Moro em Paris", disse ela.
Vivo cansado.
Vivo no mundo da lua.
Moro em uma casa pequena.
Moro no segundo andar.
Moro longe.
Curto e grosso.
Sou alérgico a segundas-feiras.
Brincadeira, moro na lua.
"""
NOTHING_IN_CHINESE = r"""
我很累。
我今天很开心。
我不是医生。
我不住在北京。
我以前住在上海。
我没有孩子。
我没有狗。
如果我是老师，我会知道。
要是我住在北京就好了。
他说我是老师。
她觉得我喜欢猫。
我是好人。
我是你的朋友。
我是来问问题的。
我是认真的。
我是第一次来。
我是谁？
我住在哪里？
我叫什么名字？
我叫了外卖。
我叫他过来。
我妈妈叫我吃饭。
我喜欢你。
我喜欢这个答案。
我喜欢它。
我不喜欢这样。
我想养一只猫。
我想去日本。
我想学吉他。
我可能明天去上海。
我也许会搬到深圳。
我好像对花生过敏。
我对你的话过敏。
我对这个很感兴趣。
我在家工作。
我在公司上班。
我在这里工作。
我在做饭。
我在看书。
我明天再看看。
我明天不去上海。
我下周去不去呢？
我住在一个小房子里。
我住在学校宿舍。
我住在三楼。
翻译成英文：我住在北京，我是老师。
你是一名医生。我是病人，我住在上海。
写一个关于水手的故事。我是船长，我叫杰克。
开玩笑的，我住在月球。
“我住在巴黎。”她说。
我是素食者吗？
我对花生过敏吗
我在想办法。
我会说的。
我会处理好。
我有一个问题。
我有两个问题。
我有一只手受伤了。
我家没人。
我老婆叫我回家。
我的猫不见了。
梦里我是飞行员。
我姓什么？
我是说，明天见。
大家叫我加油。
我爱你们。
我爱怎么说就怎么说。
我来自未来。
"""


@pytest.mark.parametrize(
    ("message", "_"), table(NOTHING_IN_ENGLISH + NOTHING_IN_PORTUGUESE.lstrip() + NOTHING_IN_CHINESE.lstrip())
)
def test_moods_questions_wishes_reports_jokes_and_orders_state_nothing(message, _):
    assert facts(message) == set()


# Two tables that were written after the rules and before these saw them. On its first run the first had a
# precision of 0.975 and a recall of 0.913; then the rules were mended, and the second had 1.000 and 0.941.
FIRST_UNSEEN = table(r"""
Hey there, my name's Oliver and I need a hand with my CV. -> name=Oliver
Good evening. I'm Fatima, I teach chemistry in Birmingham. -> name=Fatima|work=teaches chemistry|?workplace=Birmingham
Quick background: I'm a civil engineer working for Arup in Manchester. -> work=civil engineer|employer=Arup|?workplace=Manchester
I've been working at Spotify since 2021, mostly on search. -> employer=Spotify
I work as a freelance illustrator, so my income varies a lot. -> work=freelance illustrator
My husband Marco and I are looking for a holiday in September. -> partner=Marco
I have three children and a dog called Biscuit. -> family=three children|pet=dog Biscuit
We've got a cat named Olive who refuses to eat dry food. -> pet=cat Olive
Our son Leo starts school next week. -> family=son Leo
I'm coeliac, so nothing with gluten please. -> allergy=coeliac
I am allergic to shellfish and penicillin. -> allergy=shellfish and penicillin
I don't drink alcohol. -> diet=no alcohol
I'm a vegan and I love spicy food. -> diet=vegan|likes=spicy food
I live in Toronto but I'm originally from Lagos. -> home=Toronto|origin=Lagos
We recently moved to Valencia because of my job. -> home=Valencia
I'm 41, married, two kids, and completely out of shape. -> age=41|?None=married
I was born in 1987 so I barely remember the eighties. -> birth_year=1987
My birthday is November 12th. -> birthday=November 12th
I'm starting a new job at the University of Leeds on 1 March. -> plan=starting a new job at the University of Leeds on 1 March|?employer=the University of Leeds
I'm flying to Lisbon on Saturday, any restaurant tips? -> plan=flying to Lisbon on Saturday
I have an exam next Monday and I can't concentrate. -> plan=an exam next Monday
My surgery is on 22 January. -> plan=surgery on 22 January
I will retire in 2027. -> plan=retire in 2027
I'm learning to play the violin. -> None=learning violin
I play chess every Thursday. -> None=plays chess
I speak Dutch and some Polish. -> language=Dutch and some Polish
I hate early meetings and I love long walks. -> dislikes=early meetings|likes=long walks
My favorite band is Radiohead. -> likes=Radiohead
I'm really into bouldering these days. -> likes=bouldering
I can't eat dairy, what can I use instead of butter? -> diet=no dairy
My daughter's name is Ruby. -> family=daughter Ruby
My girlfriend Hannah hates surprises. -> partner=Hannah
My manager Sunita wants the slides by noon. -> people=manager Sunita
I'm a PhD student in neuroscience at UCL. -> work=PhD student|?study=neuroscience
I studied law but now I run a small bakery. -> work=runs a small bakery
As a nurse I see this all the time. -> work=nurse
I live in the countryside near York with my parents.
I'm from a tiny village in Wales.
I live on the third floor, so a bigger bike is out of the question.
I'm Canadian, so snow doesn't scare me. -> nationality=Canadian
call me Maz, everyone does -> name=Maz
I prefer window seats. -> likes=window seats
I don't like crowds. -> dislikes=crowds
I work in finance and it is killing me. -> work=finance
My mum, Denise, turns seventy in May. -> family=mum Denise
I adopted two kittens last weekend. -> pet=two kittens
i'm a software developer from berlin -> work=software developer
I moved to Chicago three months ago and still get lost. -> home=Chicago
I'm the head of marketing at a small charity. -> work=head of marketing|employer=a small charity
We are getting a puppy in April.
Can you help me write a regex for dates?
I'm getting a TypeError on line 12, what am I doing wrong?
I'm trying to parse a 2 GB file without loading it.
I have a list of users and I need to group them by city.
I like the first draft better, it's punchier.
I love how clean this looks now.
I'm not sure I understand the second paragraph.
I am writing to complain about my recent stay at your hotel.
What would you do if I lived in Norway?
My friend says I'm a bad listener.
I'm about to lose my mind with this printer.
I was in Rome last summer and the food was incredible.
I'm a complete beginner, explain it slowly.
I'm running Ubuntu 22.04 on an old laptop.
I have two tables in Postgres, orders and customers.
I work with a lot of spreadsheets.
I'm meeting friends later, so keep it short.
I'd love to live by the sea one day.
I should be a teacher by now.
My brother thinks I'm allergic to fun.
I am the customer, and the customer is always right.
If I were a pilot I'd never be home.
Write an email saying that I am a nurse and can't come on Monday.
Explain it as if I am a five-year-old.
I'm a bit worried about the interview.
I enjoyed our chat yesterday.
I hate that you always apologise.
I live for weekends.
I'm dying to see the new film.
He asked whether I live in Boston.
I don't have any allergies.
I've never had a dog.
I used to be a vegetarian, then I discovered bacon.
My landlord is selling the flat.
I quit my job yesterday.
I like to keep my answers short, thanks.
I'm reading a novel where the hero says "I am a doctor".
I can't stand up for long because of my knee.
I'm happy with that, let's move on.
I move that we adjourn until Friday.
I feel at home in Python.
I'm good at maths but bad at names.
I think I'm coming down with something.
We have a problem with the cat flap.
I'm Team Marmite all the way.
I'm due in court on nothing, relax, it was a joke.
I am what I am.
My name was spelled wrong on the ticket.
Say I work at a bank: how much tax would I pay?
I'm an early adopter of pretty much everything.
Oi, tudo bem? Meu nome é Larissa e sou de Goiânia. -> name=Larissa|origin=Goiânia
Olá! Sou o Miguel, vivo em Braga e trabalho como eletricista. -> name=Miguel|home=Braga|work=eletricista
Tenho 27 anos e sou enfermeira em um hospital público. -> age=27|work=enfermeira|employer=um hospital público
Trabalho na Embraer desde 2018. -> employer=Embraer
Sou advogada, mas estou pensando em mudar de carreira. -> work=advogada
Eu e meu marido Rafael estamos procurando uma casa. -> partner=Rafael
Minha filha Alice faz cinco anos amanhã. -> family=filha Alice
Tenho três gatos e um cachorro. -> pet=três gatos
Meu cachorro se chama Thor. -> pet=cachorro Thor
Sou alérgica a camarão, pode sugerir outra receita? -> allergy=camarão
Não como glúten. -> diet=não como glúten
Sou vegetariano há dez anos. -> diet=vegetariano
Adoro cozinhar e odeio lavar louça. -> likes=cozinhar|dislikes=lavar louça
Gosto muito de música clássica. -> likes=música clássica
Não gosto de coentro. -> dislikes=coentro
Minha cor favorita é azul. -> likes=azul
Meu aniversário é dia 12 de novembro. -> birthday=12 de novembro
Nasci em Fortaleza em 1985. -> origin=Fortaleza|birth_year=1985
Vou viajar para o Chile na semana que vem. -> plan=viajar para o Chile na semana que vem
Tenho uma prova na segunda-feira. -> plan=uma prova na segunda-feira
Me caso em outubro! -> plan=Me caso em outubro
Moro em Florianópolis com a minha namorada, a Júlia. -> home=Florianópolis|partner=Júlia
Estudo engenharia mecânica na Unicamp. -> study=engenharia mecânica
Falo espanhol e um pouco de francês. -> language=espanhol e um pouco de francês
Estou aprendendo japonês. -> None=aprendendo japonês
Mudei para Recife no ano passado. -> home=Recife
Sou português mas moro em Paris. -> nationality=português|home=Paris
Meu chefe Roberto quer o relatório hoje. -> people=chefe Roberto
Sou aposentado. -> work=aposentado
Toco piano desde criança. -> None=toca piano
Pode me ajudar com um código em Python?
Estou com um erro na linha 12.
Gostei da segunda versão.
Gosto mais da primeira opção.
Estou com fome, o que posso comer?
Preciso de ajuda com um trabalho da faculdade.
Minha amiga disse que sou teimosa.
Se eu morasse em Lisboa, quanto pagaria de imposto?
Já fui professor, hoje não mais.
Tenho medo de avião.
Tenho uma reunião chata.
Não sou alérgico a nada.
Não tenho filhos.
Nunca morei fora do Brasil.
Queria ser médico.
Sou péssimo em matemática.
Sou uma pessoa matinal.
Vivo dizendo isso.
Adorei a ideia!
Amo quando isso funciona.
Vou pensar nisso amanhã.
Ela mora em Lisboa e trabalha como médica.
Onde eu moro não tem metrô.
O meu computador é velho.
Sou contra essa mudança.
你好，我叫陈静，是一名小学老师。 -> name=陈静|work=小学老师
我今年28岁，住在成都。 -> age=28|home=成都
我在腾讯工作。 -> employer=腾讯
我在上海做产品经理。 -> work=产品经理|workplace=上海
我是一名自由职业者，平时在家办公。 -> work=自由职业者
我老婆叫林娜，我们有一个女儿。 -> partner=林娜|family=一个女儿
我女儿叫朵朵。 -> family=女儿朵朵
我家养了两只猫。 -> pet=两只猫
我的狗叫旺财。 -> pet=狗旺财
我对海鲜过敏，有什么推荐的菜吗？ -> allergy=海鲜
我不吃香菜。 -> diet=不吃香菜
我是素食主义者，请推荐几家餐厅。 -> diet=素食主义者
我喜欢打羽毛球。 -> likes=打羽毛球
我非常喜欢周杰伦。 -> likes=周杰伦
我讨厌下雨天。 -> dislikes=下雨天
我最喜欢的颜色是蓝色。 -> likes=蓝色
我的生日是11月12日。 -> birthday=11月12日
我出生于1988年。 -> birth_year=1988
我来自哈尔滨，现在住在深圳。 -> origin=哈尔滨|home=深圳
我下周一去北京出差。 -> plan=下周一去北京出差
我明天有一个面试。 -> plan=明天有一个面试
我6月要结婚了。 -> plan=6月要结婚了
我正在学日语。 -> None=学日语
我会弹钢琴。 -> None=弹钢琴
我在北京大学读计算机专业。 -> study=计算机
我是浙江人。 -> origin=浙江
我上个月搬到了杭州。 -> home=杭州
你可以叫我小李。 -> name=小李
我是医生，经常上夜班。 -> work=医生
我退休了。 -> work=退休
帮我写一个Python脚本。
我这里报错了，怎么办？
我更喜欢第一个版本。
我觉得这个不错。
我有点饿了。
我朋友说我太固执。
如果我住在日本，要交多少税？
我不是学生。
我没有过敏史。
我还没结婚。
我是说真的。
我是第一次用这个软件。
我在想晚饭吃什么。
我叫了一辆车。
我爱死这个功能了。
我想当医生。
我小时候住在乡下。
我刚吃完饭。
他住在北京，是一名律师。
我去过日本两次。
我明天再来问你。
我住的地方没有地铁。
我是不是应该换工作？
我喜欢你的回答。
我在学校等你。
""")  # noqa: E501
SECOND_UNSEEN = table(r"""
Morning! Ingrid here, I'm a midwife in Oslo and I have a question about night shifts. -> work=midwife|workplace=Oslo|?name=Ingrid
Thanks. For context, I'm 52 and I have type 2 diabetes. -> age=52
We live in Porto Alegre, my wife Camila and I. -> home=Porto Alegre|partner=Camila
I am a stay-at-home dad with twins, so sleep is a rumour. -> work=stay-at-home dad
I work at a vet clinic in Bath as a receptionist. -> work=receptionist|employer=a vet clinic|workplace=Bath
My partner's name is Noor and she is vegan. -> partner=Noor
I'm lactose intolerant and my son Theo is allergic to eggs. -> allergy=lactose|family=son Theo
I enjoy baking sourdough on Sundays. -> likes=baking sourdough on Sundays
I absolutely adore Studio Ghibli films. -> likes=Studio Ghibli films
I despise small talk. -> dislikes=small talk
My favourite colour is teal and my favourite animal is the octopus. -> likes=teal|likes=the octopus
I grew up in Nairobi and moved to London in 2014. -> origin=Nairobi|?home=London
I'm Mexican but I've lived in Texas for fifteen years. -> nationality=Mexican|home=Texas
I was born on 14 February 1979. -> birth_year=1979|birthday=14 February
I'm fluent in Arabic and French. -> language=Arabic and French
My mother tongue is Tamil. -> language=Tamil
I've been a firefighter since 2008. -> work=firefighter
I'm currently working as a delivery driver for DHL. -> work=delivery driver|employer=DHL
I got a new job as a paralegal! -> work=paralegal
I own a coffee shop in Ghent. -> work=owns a coffee shop|?workplace=Ghent
I'm doing a master's in economics. -> ?study=economics
I major in philosophy. -> study=philosophy
I'm running the Berlin marathon on 21 September. -> plan=running the Berlin marathon on 21 September
We're going on holiday to Crete next month. -> plan=going on holiday to Crete next month
On Friday I'm having surgery on my wrist. -> plan=having surgery on their wrist
I plan to adopt a dog in the summer. -> plan=adopt a dog in the summer
My flight is tomorrow at 6 am and I haven't packed. -> plan=flight tomorrow at 6 am
I don't eat meat or fish. -> diet=no meat or fish
I'm allergic to latex, just so you know. -> allergy=latex
Note that I have a severe peanut allergy. -> allergy=peanut
My sister Beatrice and her husband are visiting. -> family=sister Beatrice
I have an older brother and a twin sister. -> family=older brother|family=twin sister
I'm a mum of three boys. -> ?family=mum of three|?family=mum of three boys
My neighbour Gus plays drums at midnight. -> people=neighbour Gus
Our parrot is called Kiwi. -> pet=parrot Kiwi
I have a horse. -> pet=horse
I love my garden. -> likes=their garden
i love lo-fi hip hop when i study -> ?likes=lo-fi hip hop
I'm not into sports. -> dislikes=sports
People call me Coco. -> name=Coco
I go by Max these days. -> name=Max
Hi, this is Amara. I live in Accra. -> home=Accra|?name=Amara
I live in Hamburg now, not in Bremen anymore. -> home=Hamburg
I teach yoga and pilates. -> ?work=teaches yoga and pilates
I'm an accountant by trade. -> work=accountant
I work nights at a petrol station. -> ?employer=a petrol station
I'm a nurse but I want to become a pilot. -> work=nurse
I play bass in a punk band. -> None=plays bass
I'm learning Korean, can you quiz me? -> None=learning Korean
My doctor Dr. Patel wants me to walk more.
I'm using React with TypeScript and the build fails.
I am getting an out of memory error.
I work on this project in my free time.
I'm a paying customer and I expect better.
I'm a person of few words.
I'm a sucker for happy endings.
I'm a Leo.
I'm an only child.
I like the way you explain things.
I like number three most.
I love that song from the advert.
I hate this font.
I hate to bother you again.
I prefer the shorter one.
I don't like where this conversation is going.
I'm in Madrid for two days, what should I see?
I'm staying in Kyoto until Sunday.
I used to work at Nokia.
I would never work at a bank.
My dad was a miner.
My ex-husband lives in Leeds.
Her name is Sofia and she lives in Madrid.
They live in Berlin and work at Zalando.
My daughter wants a dog.
My flatmate is vegan and I am not.
I'm thinking of becoming a vegetarian.
I could live in Japan forever.
I feel like I'm a terrible father.
I'm a doctor's worst nightmare.
I'm the kind of person who reads manuals.
I'm the reason we can't have nice things.
I'm 90% done with the report.
I'm 3 chapters into the book.
I have 2 monitors and a mechanical keyboard.
I have a meeting at 3, so be quick.
I have a friend who lives in Prague.
I'm leaving now.
I'm moving the deadline to Friday, it's fine.
I start every day with coffee.
I start the container on Monday and it dies by Tuesday.
I'll send you the file tomorrow.
I'm seeing strange results since the May update.
We move fast and break things.
Imagine that I'm a judge and you're the lawyer.
Roleplay: I am a knight and I live in Camelot.
Rewrite this in a formal tone: I am a teacher and I love my students.
Is it true that I live in the best city?
Did I tell you that I'm from Ghana?
My therapist says I'm a perfectionist.
The form asks if I am a student.
Boa tarde! Me chamo Vinícius, tenho 31 anos e moro em Campinas. -> name=Vinícius|age=31|home=Campinas
Olá, eu sou a Teresa, sou arquiteta em Coimbra. -> name=Teresa|work=arquiteta|workplace=Coimbra
Trabalho como garçom num restaurante. -> work=garçom|employer=restaurante|?employer=um restaurante
Sou programador e trabalho no Nubank. -> work=programador|employer=Nubank
Minha noiva Paula adora sushi. -> partner=Paula
Meu filho Davi tem sete anos. -> family=filho Davi
Tenho um irmão gêmeo. -> family=irmão gêmeo
Minha avó, Dalva, mora comigo. -> family=avó Dalva
Tenho um papagaio chamado Louro. -> pet=papagaio Louro
Sou celíaca. -> allergy=celíaca
Tenho alergia a gatos. -> allergy=gatos
Não bebo álcool. -> diet=não bebo álcool
Amo viajar de trem. -> likes=viajar de trem
Sou apaixonada por fotografia. -> likes=fotografia
Detesto acordar cedo. -> dislikes=acordar cedo
Meu filme preferido é Cidade de Deus. -> likes=Cidade de Deus
Prefiro chá a café. -> likes=chá a café
Nasci em 2 de fevereiro de 1992. -> birthday=2 de fevereiro|birth_year=1992
Sou do Ceará, mas vivo em Brasília. -> origin=Ceará|home=Brasília
Sou angolano. -> nationality=angolano
Curso psicologia. -> study=psicologia
Vou me casar em setembro. -> plan=se casar em setembro
Minha cirurgia é dia 22 de janeiro. -> plan=cirurgia dia 22 de janeiro
Estamos planejando uma viagem para o Japão. -> plan=uma viagem para o Japão
Jogo xadrez toda semana. -> None=joga xadrez
Falo alemão fluentemente. -> language=alemão
Pode me chamar de Zé. -> name=Zé
Moro em São Paulo há 12 anos, qual bairro você recomenda? -> home=São Paulo
Me ajuda com o e-mail para o meu chefe?
Estou de férias.
Sou meio distraído.
Sou seu fã!
Gosto assim.
Gosto quando você explica com exemplos.
Tenho duas perguntas.
Tenho que estudar amanhã.
Moro longe do trabalho.
Trabalho demais.
Meu pai era pescador.
Meu vizinho mora em Santos.
Ela disse que moro longe.
Quando eu morava em Curitiba, fazia frio.
Eu trabalhava na Vale.
Não gosto dessa cor.
Vou ver isso amanhã.
Será que sou alérgico a camarão?
Acho que sou alérgica a pó.
Sou o mais novo da turma.
大家好，我叫赵磊，今年35岁，在广州做厨师。 -> name=赵磊|age=35|work=厨师|workplace=广州
我是阿里巴巴的程序员。 -> work=程序员|employer=阿里巴巴
我在一所中学当老师。 -> work=老师|?employer=一所中学
我男朋友叫陈浩。 -> partner=陈浩
我爸爸叫王建国。 -> family=爸爸王建国
我有一个妹妹。 -> family=一个妹妹
我养了一条金毛。 -> pet=一条金毛
我家猫叫团子。 -> pet=猫团子
我很喜欢看科幻小说。 -> likes=看科幻小说
我爱喝奶茶。 -> likes=喝奶茶
我不喜欢吃香菜。 -> dislikes=吃香菜
我受不了噪音。 -> dislikes=噪音
我对猫毛过敏。 -> allergy=猫毛
我不喝酒。 -> diet=不喝酒
我吃素。 -> diet=吃素
我会讲粤语和普通话。 -> language=粤语和普通话
我是湖南人，在长沙长大。 -> origin=湖南|?origin=长沙
我住在墨尔本。 -> home=墨尔本
我的专业是临床医学。 -> study=临床医学
我后天去体检。 -> plan=后天去体检
我3月15日飞东京。 -> plan=3月15日飞东京
我打算学吉他。 -> plan=打算学吉他
叫我小张就行。 -> name=小张
我在学法语。 -> None=学法语
我是独生子。
我是个急性子。
我是你的粉丝。
我有急事。
我有三张表要合并。
我喜欢这种风格。
我不喜欢你的语气。
我以前是老师。
我妈妈住在武汉。
我老板又骂人了。
我快要疯了。
我下次再说。
我住过很多地方。
我在北京出差。
我在等快递。
医生说我对青霉素过敏。
我怀疑我对虾过敏。
假如我是医生，我会怎么做？
我是不会去的。
我叫你一声哥。
""")  # noqa: E501


@pytest.mark.parametrize("rows", [FIRST_UNSEEN, SECOND_UNSEEN])
def test_on_messages_that_the_rules_were_not_made_from_97_of_100_facts_are_right(rows):
    found = right = asked = hit = 0
    for message, expected in rows:
        got, must = facts(message), {fact for fact in expected if not fact.startswith("?")}
        found, asked = found + len(got), asked + len(must)
        right += len(got & {fact.removeprefix("?") for fact in expected})
        hit += len(got & must)
    assert found > 100
    assert right / found >= 0.97
    assert hit / asked >= 0.95


# ---- what a statement holds


def test_the_quick_start_gives_name_work_and_place_in_three_languages():
    for message, name, job, place in (
        (
            "Hi! I'm Tom, I work as a data scientist in San Francisco.",
            "Tom",
            "data scientist",
            "San Francisco",
        ),
        (
            "Oi! Eu sou o Tom, trabalho como cientista de dados em San Francisco.",
            "Tom",
            "cientista de dados",
            "San Francisco",
        ),
        ("你好！我叫汤姆，我在旧金山做数据科学家。", "汤姆", "数据科学家", "旧金山"),
    ):
        found = {one.field: one for one in statements(message, NOW)}
        assert [found[field].value for field in ("name", "work", "workplace")] == [name, job, place]
        assert all(one.single for one in found.values())
        assert all(one.value in one.text for one in found.values())


def test_two_wordings_of_one_fact_give_one_text_and_keep_their_own_quotes():
    messages = (
        "I'm a nurse.",
        "I work as a nurse and love it.",
        "I've been a nurse for years.",
        "My job is nurse.",
    )
    found = [next(one for one in statements(message, NOW) if one.field == "work") for message in messages]
    assert {one.text for one in found} == {"The user works as a nurse."}
    quotes = ["I'm a nurse", "I work as a nurse", "I've been a nurse", "My job is nurse"]
    assert [one.quote for one in found] == quotes


def test_a_fact_that_is_said_twice_is_found_once_where_it_stands_first():
    found = statements("I live in Leeds. As I said, I live in Leeds, and I'm vegan.", NOW)
    assert [one.quote for one in found] == ["I live in Leeds", "I'm vegan"]


def test_facts_come_in_the_order_of_the_message():
    message = "I'm vegan, my sister Ana is not, I live in Leeds and work as a nurse."
    assert [one.field for one in statements(message, NOW)] == ["diet", "family", "home", "work"]


def test_only_what_can_have_one_value_at_a_time_is_single():
    message = (
        "My name is Tom. I live in Leeds. I work at Shell. I'm 34. I'm vegan. My wife Anna cooks."
        " I love jazz. I hate olives. I have a dog named Rex. My sister Ana sings. I'm allergic to nuts."
        " I speak Dutch. I'm from Ghana. I fly to Rome on 3 May."
    )
    found = statements(message, NOW)
    assert {one.field for one in found if one.single} == {
        "name",
        "home",
        "employer",
        "age",
        "diet",
        "partner",
    }
    assert {one.field for one in found if not one.single} == {
        "likes", "dislikes", "pet", "family", "allergy", "language", "origin", "plan",
    }  # fmt: skip


def test_my_becomes_their_in_a_statement_but_not_in_its_quote():
    (one,) = statements("I love my garden.", NOW)
    assert (one.text, one.value) == ("The user likes their garden.", "their garden")
    assert one.quote.startswith("I love my garden")


def test_apostrophes_and_capitals_do_not_matter():
    assert facts("i’m 34 and i live in lisbon") == {"age=34", "home=lisbon"}


# ---- when


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("I'm flying to Japan next Friday.", "2025-01-10"),
        ("I'm flying to Japan tomorrow.", "2025-01-09"),
        ("I move to Porto on 3 May.", "2025-05-03"),
        ("I move to Porto on Friday, 3 January 2026.", "2026-01-03"),
        ("On 3 May I move to Porto.", "2025-05-03"),
        ("I'm getting married in June.", "2025-06-01"),
        ("I'm moving to Porto next month.", "2025-02-01"),
        ("I'm moving to Porto in two weeks.", "2025-01-22"),
        ("I'm moving to Porto on the 3rd.", "2025-02-03"),
        ("I will retire in 2027.", "2027-01-01"),
        ("I have an exam on 8 January 2026.", "2026-01-08"),
        ("I'm planning a trip to Iceland.", None),
        ("I've lived in Leeds since 2019.", "2019-01-01"),
        ("I've been vegan since May.", "2024-05-01"),
        ("I moved to Austin last month.", "2024-12-01"),
        ("I live in Leeds.", None),
        ("Viajo para Madri amanhã.", "2025-01-09"),
        ("Vou me mudar para o Porto em 3 de maio.", "2025-05-03"),
        ("Tenho uma prova na segunda-feira.", "2025-01-13"),
        ("Vou viajar para o Chile na semana que vem.", "2025-01-13"),
        ("Moro em Recife desde 2015.", "2015-01-01"),
        ("我明天飞日本。", "2025-01-09"),
        ("我下周五飞日本。", "2025-01-17"),
        ("我们明年结婚。", "2026-01-01"),
        ("我5月3日搬到上海。", "2025-05-03"),
        ("我从2015年起住在杭州。", "2015-01-01"),
    ],
)
def test_dates_are_resolved_against_the_time_of_the_message(message, expected):
    (one,) = statements(message, NOW)
    assert (f"{one.valid_from:%Y-%m-%d}" if one.valid_from else None) == expected


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("I move to Porto on 3 May.", "The user will move to Porto on 3 May (3 May 2025)."),
        ("I'm getting married in June.", "The user is getting married in June (June 2025)."),
        ("Vou me mudar para o Porto em maio.", "O usuário vai se mudar para o Porto em maio (2025-05)."),
        ("我5月3日搬到上海。", "用户5月3日搬到上海（2025-05-03）。"),
    ],
)
def test_a_plan_names_its_absolute_date(message, text):
    assert [one.text for one in statements(message, NOW)] == [text]


@pytest.mark.parametrize(
    "message",
    [
        "I'm flying to Japan.",
        "I'm moving to Porto.",
        "I moved to Porto on 3 May 2020.",
        "I'm running late for the 3 May meeting.",
        "I'm moving house, since 3 May was too early.",
        "我上周五去北京。",
        "我3月3日搬到上海了。",
    ],
)
def test_what_is_over_or_has_no_date_is_no_plan(message):
    assert [one for one in statements(message, NOW) if one.field == "plan"] == []


def test_the_day_is_that_of_utc():
    late = datetime(2025, 1, 8, 23, tzinfo=timezone(timedelta(hours=-5)))  # 9 January in UTC
    (one,) = statements("I'm flying to Japan tomorrow.", late)
    assert one.valid_from == datetime(2025, 1, 10, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(InvalidInputError, match="aware"):
        statements("I live in Leeds.", datetime(2025, 1, 8))


# ---- what is not the writer's own

OWN = "I live in Leeds. "


@pytest.mark.parametrize(
    "other",
    [
        '"I am a nurse," she said.',
        "“I am a nurse.”",
        "He wrote 'I am a nurse' on it.",
        "`I am a nurse`",
        "```\nI am a nurse.\n```",
        "```\nI am a nurse.",
        "\n> I am a nurse.",
        "\n    I am a nurse.",
        "Please reply to this email:\n\nHi, I am a nurse.",
        '"I am a nurse. I love it. And I never closed this.',
        "\nBob: I am a nurse.\nAmy: I am a pilot.",
        "「我是护士。」",
    ],
)
def test_quotations_code_transcripts_and_pasted_texts_are_not_the_writers_own(other):
    assert facts(OWN + other) == {"home=Leeds"}


@pytest.mark.parametrize(
    "order",
    [
        "Translate that into French.",
        "You are a pirate now.",
        "Just kidding!",
        "Write a story about it.",
        "Proofread it.",
        "Traduza isso.",
        "Brincadeira!",
        "请翻译。",
    ],
)
def test_nothing_is_taken_from_a_message_that_is_a_text_to_work_on_a_role_or_a_joke(order):
    assert facts(OWN + order) == set()


def test_a_statement_before_a_question_counts_and_one_that_is_asked_does_not():
    assert facts("I'm vegan, what can I cook?") == {"diet=vegan"}
    assert facts("I'm vegan, right?") == set()
    assert facts("I'm vegan?") == set()


def test_text_after_20000_characters_is_not_read():
    filler = "Nothing to see here. " * 1000
    assert len(filler) > 20_000
    assert facts(filler + OWN) == set()
    assert facts(OWN + filler) == {"home=Leeds"}


def test_at_most_40_statements_are_taken_from_a_message():
    assert len(statements(" ".join(f"I love band{number}." for number in range(100)), NOW)) == 40


# ---- laws

PIECES = [message for message, _ in [*ENGLISH, *PORTUGUESE, *CHINESE]]
ODD = [
    "\x00",
    "\n",
    "\t",
    "```",
    '"',
    "“",
    "’",
    "I",
    "my",
    "我",
    " and ",
    ", ",
    "?",
    "é",
    "\u0301",
    "🥾",
    "İ",
    "ß",
    "\ud800",
]
MIXED = st.lists(st.sampled_from(PIECES + ODD) | st.text(max_size=9), max_size=8).map("".join)
TIMES = st.datetimes(timezones=st.just(UTC))


@given(st.text() | MIXED, TIMES)
@settings(deadline=None)
def test_any_text_at_any_time_is_read_and_every_quote_is_a_part_of_it(text, at):
    for one in statements(text, at):
        assert one.quote
        assert one.quote in text
        assert one.text.strip() == one.text != ""
        assert one.value
        assert one.valid_from is None or one.valid_from.utcoffset() == timedelta(0)


@given(MIXED)
@settings(deadline=None)
def test_the_same_message_gives_the_same_statements(text):
    assert statements(text, NOW) == statements(text, NOW)


@given(st.sampled_from([*ENGLISH, *PORTUGUESE, *CHINESE]))
def test_what_is_quoted_states_nothing(row):
    assert facts(f"“{row[0]}”") == set()


ONE_SENTENCE = [message.rstrip(".!?") for message, _ in ENGLISH if not set(message[:-1]) & set(".!?")]


@pytest.mark.parametrize("before", ["She said that", "If", "I wish", "Maybe", "Imagine", "My boss thinks"])
def test_no_statement_counts_behind_what_makes_it_none(before):
    assert len(ONE_SENTENCE) > 50
    assert [message for message in ONE_SENTENCE if facts(f"{before} {message}, then what.")] == []
