package similar

// Words that say nothing of what a text is about, and much about its language.
const (
	stopDutch = `de het een en van in op te dat die is zijn was waren voor met niet aan er om ook als maar dan of bij uit nog naar door over tot we wij ze zij je jij jullie u
ik mijn hij haar hem hun ons onze wie wat waar hoe waarom wanneer dit deze daar hier heeft hebben had kan kunnen wil willen moet moeten mag mogen zal zullen wordt worden werd
geen meer veel heel zo al wel nu elke elk alle alles iets niets iemand niemand men tegen zonder onder tussen omdat zodat terwijl want eens zelf toch dus`
	stopEnglish = `the a an and of in on to that is are was were for with not at it as but or by from so if we they you i my your our their his her its he she who what where how why when
this these those there here has have had can could will would should must may be been being do does did no more much very all every each any some one than then into out over
up about after before because while`
	stopFrench = `le la les l un une des de du d et en à au aux que qu qui est sont était pour avec ne n pas sur il elle ils elles on nous vous je j tu mon ma mes ton ta tes son sa ses
notre nos votre vos leur leurs ce c cette ces se s y a ont avait peut peuvent veut doit doivent être avoir fait dans par plus moins très tout tous toute toutes comme mais ou où
donc si sans sous entre chaque quand aussi`
	stopGerman = `der die das den dem des ein eine einer einem einen und in im an am auf zu zum zur dass ist sind war waren für mit nicht von vom bei aus nach auch als aber oder wenn wie
wer was wo warum wann wir sie er es ich du ihr mein meine dein sein seine unser unsere ihre ihren dies diese dieser dieses da hier hat haben hatte kann können will wollen muss
müssen darf soll wird werden wurde kein keine mehr sehr viel alle alles jede jeder jedes man ohne unter zwischen weil damit um so noch nur`
)
