"""The Portuguese words that the rules know: work, places, kin, animals, and what is none of them."""

from __future__ import annotations

from typing import Final

from memoryos_integrations.language.statements.parts import words


def _both(masculine: str) -> frozenset[str]:
    """Return words with their feminine forms: engenheiro, engenheira; professor, professora."""
    found = set(words(masculine))
    for word in tuple(found):
        if word.endswith("o"):
            found.add(word[:-1] + "a")
        elif word.endswith(("or", "ês")):
            found.add(word.replace("ês", "es") + "a")
    return frozenset(found)


PROFESSIONS: Final = _both("""
administrador advogado agricultor agrônomo analista antropólogo aposentado arquiteto arqueólogo artesão
artista assistente astrônomo ator atriz atuário auditor auxiliar bailarino bancário barbeiro barista
bibliotecário biólogo biomédico bioquímico bolsista bombeiro cabeleireiro caminhoneiro canalizador cantor
carpinteiro carteiro ceramista chaveiro chef cientista cirurgião cirurgiã comerciante comissário
confeiteiro consultor contabilista contador copeiro coordenador corretor costureiro cozinheiro cuidador
curador dançarino dentista desenvolvedor designer diarista diretor doceiro economista editor educador
eletricista empreendedor empregado empresário enfermeiro engenheiro escritor escultor estagiário
estatístico esteticista estudante farmacêutico feirante ferroviário filósofo físico fisioterapeuta
florista fonoaudiólogo fotógrafo freelancer funcionário garçom garçonete geofísico geógrafo geólogo
gerente gestor historiador ilustrador instrutor investigador jardineiro jornalista juiz juíza lojista
manicure maquiador marceneiro marinheiro matemático mecânico médico merendeiro meteorologista militar
motorista músico nutricionista oceanógrafo odontólogo operador ourives padeiro paisagista pedagogo
pedreiro pescador pesquisador pianista piloto pintor podcaster policial polícia político porteiro
procurador produtor professor programador projetista promotor psicanalista psicólogo psiquiatra
publicitário químico radiologista recepcionista redator repórter reformado representante revisor
roteirista sapateiro secretário segurança serralheiro servidor sociólogo sommelier supervisor tatuador
taxista técnico terapeuta tradutor treinador tutor universitário vendedor veterinário vigilante violinista
youtuber zelador zoólogo
""")
NO_PROFESSION_BEFORE: Final = words("""
amador amadora de_chuveiro da_rodada de_fim de_mentira de_araque de_coração de_sofá frustrado frustrada
nato nata assim
""")
EMPLOYERS: Final = words("""
academia agência banco bar biblioteca cafeteria câmara centro_de_saúde cinema clínica colégio companhia
confeitaria construtora consultoria cooperativa creche editora embaixada empresa escola escritório estúdio
fábrica faculdade farmácia fazenda fundação gráfica hospital hotel igreja imobiliária indústria instituto
jornal laboratório livraria loja marcenaria mercado ministério multinacional museu oficina ong padaria
papelaria posto_de_saúde prefeitura pousada produtora rádio restaurante revista salão seguradora startup
supermercado teatro transportadora tribunal universidade
""")
TRADES: Final = words("""
administração agricultura arquitetura atendimento_ao_cliente audiovisual aviação comércio comunicação
consultoria construção_civil contabilidade desenvolvimento_de_software design direito educação energia
engenharia eventos finanças hotelaria informática inteligência_artificial jornalismo logística marketing
marketing_digital moda publicidade recursos_humanos rh saúde segurança_da_informação seguros tecnologia
telecomunicações ti turismo vendas
""")
SUBJECTS: Final = words("""
administração agronomia antropologia arquitetura artes artes_visuais astronomia biologia biomedicina
biotecnologia ciência_da_computação ciência_de_dados ciências_sociais ciências_contábeis cinema
comunicação contabilidade design direito ecologia economia educação_física enfermagem engenharia
estatística farmácia filosofia física fisioterapia gastronomia geografia geologia gestão história
informática jornalismo letras linguística literatura marketing matemática medicina moda música nutrição
odontologia pedagogia psicologia publicidade química relações_internacionais serviço_social sociologia
teatro teologia turismo veterinária inglês francês alemão espanhol italiano japonês mandarim português
engenharia_civil engenharia_mecânica engenharia_elétrica engenharia_química engenharia_de_software
engenharia_da_computação engenharia_informática medicina_veterinária
""")
LANGUAGES: Final = words("""
alemão árabe bengali búlgaro catalão chinês coreano crioulo croata dinamarquês eslovaco espanhol esperanto
estoniano finlandês francês galego grego guarani hebraico hindi holandês húngaro indonésio inglês irlandês
italiano japonês latim libras mandarim neerlandês norueguês persa polonês polaco português quimbundo
romeno russo sérvio sueco tailandês tcheco checo tétum turco tupi ucraniano vietnamita
""")
NATIONALITIES: Final = _both("""
alemão alemã americano angolano argentino australiano austríaco belga boliviano brasileiro cabo-verdiano
canadense canadiano chileno chinês colombiano coreano cubano dinamarquês egípcio equatoriano escocês
espanhol finlandês francês grego guineense holandês húngaro indiano inglês iraniano irlandês israelense
italiano japonês libanês marroquino mexicano moçambicano nigeriano norueguês paraguaio peruano polonês
polaco português romeno russo são-tomense sírio sueco suíço timorense turco ucraniano uruguaio venezuelano
carioca paulista paulistano mineiro baiano gaúcho catarinense paranaense pernambucano cearense potiguar
paraibano maranhense paraense amazonense goiano brasiliense capixaba lisboeta portuense alentejano
algarvio açoriano madeirense
""")
PLACES: Final = words("""
alemanha angola argentina austrália bélgica bolívia brasil cabo_verde canadá chile china colômbia
dinamarca escócia espanha estados_unidos finlândia frança grécia holanda índia inglaterra irlanda itália
japão luxemburgo macau méxico moçambique noruega paraguai peru polônia polónia portugal reino_unido rússia
suécia suíça timor-leste turquia uruguai venezuela acre alagoas algarve alentejo amazonas bahia ceará
distrito_federal espírito_santo goiás madeira maranhão mato_grosso minas minas_gerais pará paraíba paraná
pernambuco piauí rio_grande_do_norte rio_grande_do_sul rondônia roraima santa_catarina são_paulo sergipe
tocantins açores aveiro barcelona belém belo_horizonte berlim blumenau boston braga brasília buenos_aires
campinas coimbra cuiabá curitiba dublin évora faro florianópolis floripa fortaleza goiânia guarulhos
joão_pessoa joinville leiria lisboa londres londrina luanda maceió madri madrid manaus maputo miami natal
niterói nova_york nova_iorque olinda osasco paris pelotas porto porto_alegre praia recife ribeirão_preto
rio rio_de_janeiro roma salvador santos são_luís setúbal teresina toronto uberlândia vitória zurique
""")
WITH_ARTICLE: Final = words("""
brasil canadá chile japão méxico paraguai peru reino_unido uruguai rio rio_de_janeiro porto acre amazonas
ceará espírito_santo maranhão pará paraná piauí rio_grande_do_norte rio_grande_do_sul alentejo algarve
alemanha argentina austrália bélgica bolívia china colômbia dinamarca escócia espanha finlândia frança
grécia holanda índia inglaterra irlanda itália noruega polônia polónia rússia suécia suíça turquia
venezuela bahia paraíba madeira estados_unidos açores zona_sul zona_norte zona_leste zona_oeste
baixada_fluminense praia califórnia flórida
""")
"""Places that stand behind "no" and "na", which otherwise name an employer: na Bahia, na Petrobras."""
NO_PLACE: Final = words("""
janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro verão inverno
outono primavera excel twitter internet instagram facebook whatsapp youtube tiktok python word slack
netflix linkedin discord linux windows segunda terça quarta quinta sexta sábado domingo natal_feliz páscoa
deus áries touro gêmeos câncer leão virgem libra escorpião sagitário capricórnio aquário peixes flamengo
palmeiras corinthians vasco grêmio fluminense botafogo cruzeiro benfica sporting internacional atlético pt
psdb ti rh google microsoft amazon petrobras itaú nubank paz função
""")
NO_NAME: Final = (
    NATIONALITIES
    | PROFESSIONS
    | words("""
flamengo flamenguista palmeiras palmeirense corinthians corintiano vasco vascaíno santos santista grêmio
gremista fluminense botafogo cruzeiro cruzeirense benfica benfiquista sporting sportinguista são
internacional colorado bahia atlético católico católica cristão cristã evangélico evangélica judeu judia
muçulmano muçulmana ateu ateia budista espírita deus jesus batman super-homem homem mulher mãe pai filho
filha casado casada solteiro solteira eu um uma o a fã muito mais só não sim quem aquele aquela de do da
novo nova seu sua meu minha gay hétero bi trans preto preta negro negra branco branca pardo parda autista
hoje amanhã segunda terça quarta quinta sexta sábado domingo
""")
)
MY_PARTNERS: Final = words("""
marido esposo mulher esposa namorado namorada noivo noiva companheiro companheira parceiro parceira
cônjuge
""")
KIN: Final = words("""
irmão irmã irmãozinho irmãzinha mãe pai mamãe papai filho filha filhinho filhinha avó avô vó vô tio tia
primo prima sobrinho sobrinha sogro sogra cunhado cunhada padrasto madrasta enteado enteada neto neta
bisavó bisavô genro nora padrinho madrinha afilhado afilhada gêmeo gêmea
""")
FRIENDS: Final = words("""
amigo amiga chefe colega vizinho vizinha sócio sócia gerente orientador orientadora terapeuta
""")
PETS: Final = words("""
cachorro cachorra cachorrinho cachorrinha cadela cão gato gata gatinho gatinha coelho coelha hamster
papagaio periquito calopsita cavalo égua tartaruga jabuti cobra peixe galinha porquinho-da-índia furão
golden labrador poodle vira-lata pinscher shih-tzu
""")
CHILDREN: Final = words("""
filho filha irmão irmã criança sobrinho sobrinha neto neta irmãos filhos gêmeo gêmea
""")
FOODS: Final = words("""
carne carne_vermelha carne_de_porco porco frango peixe frutos_do_mar camarão marisco leite laticínios
lacticínios queijo ovo ovos glúten trigo pão açúcar amendoim soja cebola alho álcool café cerveja vinho
refrigerante bebida_alcoólica bebidas_alcoólicas doces pimenta cogumelos
""")
PLAYED: Final = words("""
piano violão guitarra violino viola violoncelo bateria baixo flauta clarinete saxofone trompete trombone
harpa cavaquinho ukulele acordeão sanfona pandeiro teclado gaita xadrez tênis ténis futebol basquete vôlei
voleibol handebol golfe rúgbi pôquer padel
""")
EVENTS: Final = words("""
entrevista entrevista_de_emprego prova exame casamento cirurgia operação voo consulta maratona
meia_maratona corrida concerto recital apresentação defesa formatura viagem audiência festa vestibular
jantar_de_noivado
""")
NO_WORK: Final = words("""
louco louca burro cão escravo escrava condenado camelo formiga equipe time grupo dupla regra
""")
STUDENTS: Final = words("estudante universitário universitária bolsista")
